//! Servers of every kind: good ones, broken ones, and those who are not what they say.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::run::http::Method;

#[path = "../../tests/support/web.rs"]
#[allow(dead_code, clippy::expect_used)] // a test program's own; each user uses a part of it
pub(crate) mod web;

use web::{Then, Web, answer};

const SOON: Duration = Duration::from_secs(10);

/// The status and the body, or what was wrong.
async fn ask(method: Method, url: &str) -> Result<(u16, Vec<u8>), String> {
    ask_with(&Client::new(None), method, url, true).await
}

async fn ask_with(
    client: &Client,
    method: Method,
    url: &str,
    inward: bool,
) -> Result<(u16, Vec<u8>), String> {
    let request = Request::new(method, Url::parse(url)?, [], None)?;
    let connection = client.connect(request.url(), inward, SOON).await;
    let connection = connection.map_err(|error| error.to_string())?;
    let reply = connection.send(&request).await;
    let mut reply = reply.map_err(|error| error.to_string())?;
    let mut body = Vec::new();
    while let Some(bytes) = reply.next().await.map_err(|error| error.to_string())? {
        body.extend_from_slice(&bytes);
    }
    Ok((reply.status, body))
}

fn saying(text: &'static str) -> Web {
    Web::new(move |_, _| vec![Then::Say(text.to_owned())])
}

#[tokio::test]
async fn a_whole_answer_is_read_whole_however_its_end_is_told() {
    for text in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nhello",
        "HTTP/1.0 200 whatever\r\n\r\nhello",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ] {
        let web = saying(text);
        let got = ask(Method::Get, &web.url("/")).await;
        assert_eq!(got, Ok((200, b"hello".to_vec())), "{text}");
    }
    let web = saying("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    let got = ask(Method::Head, &web.url("/")).await;
    assert_eq!(got, Ok((200, Vec::new())), "the answer to HEAD has no body");
}

#[tokio::test]
async fn an_answer_that_is_cut_or_no_http_is_never_whole() {
    for text in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello",
        "SSH-2.0-OpenSSH_9.9\r\n",
        "HTTP/9.9 abc\r\n\r\n",
    ] {
        let web = saying(text);
        let got = ask(Method::Post, &web.url("/")).await;
        assert!(got.is_err(), "{text:?} gave {got:?}");
    }
}

#[tokio::test]
async fn a_head_without_an_end_is_not_kept_for_ever() {
    let web = Web::new(|_, _| {
        vec![
            Then::Say("HTTP/1.1 200 OK\r\nX-Long: ".to_owned()),
            Then::Pour(64 << 20),
        ]
    });
    let got = ask(Method::Get, &web.url("/")).await;
    assert!(got.is_err(), "{got:?}");
}

#[tokio::test]
async fn a_redirect_is_a_status_and_nothing_is_followed() {
    let web = Web::new(|_, asked| {
        let to = format!("http://{}/elsewhere", asked.header("host").unwrap());
        vec![Then::Say(format!(
            "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
        ))]
    });
    let got = ask(Method::Get, &web.url("/here")).await;
    assert_eq!(got, Ok((302, Vec::new())));
    assert_eq!(web.asked().len(), 1, "one request, once");
}

#[tokio::test]
async fn a_request_says_what_was_given_and_nothing_of_whoever_sends_it() {
    let web = Web::new(|_, _| answer("204 No Content", ""));
    let url = Url::parse(&web.url("/a%20b?c=d")).unwrap();
    let headers = [("X-Token", b"t0ken".as_slice())];
    let request = Request::new(Method::Put, url, headers, Some("body".into())).unwrap();
    let client = Client::new(None);
    let connection = client.connect(request.url(), true, SOON).await.unwrap();
    assert_eq!(connection.send(&request).await.unwrap().status, 204);
    let asked = web.asked().pop().unwrap();
    assert_eq!(
        (&*asked.method, &*asked.path, &*asked.body),
        ("PUT", "/a%20b?c=d", "body")
    );
    let mut names: Vec<&str> = asked
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "accept",
            "connection",
            "content-length",
            "host",
            "user-agent",
            "x-token"
        ]
    );
    assert_eq!(
        asked.header("host"),
        Some(&*format!("127.0.0.1:{}", web.port()))
    );
    assert!(
        !format!("{request:?}").contains("t0ken"),
        "it may be a secret"
    );
}

#[tokio::test]
async fn a_header_with_a_line_break_is_refused_and_not_repeated() {
    let url = Url::parse("http://localhost/").unwrap();
    for value in ["a\r\nX-Evil: 1", "a\nb", "a\0b"] {
        let header = [("X-A", value.as_bytes())];
        let refused = Request::new(Method::Get, url.clone(), header, None).unwrap_err();
        assert!(
            refused.contains("X-A") && !refused.contains("Evil"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_in_words() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let got = ask(Method::Get, &format!("http://127.0.0.1:{closed}/")).await;
    assert!(got.unwrap_err().contains("cannot be connected to"));
    let got = ask(Method::Get, "http://name.invalid/").await;
    assert!(got.unwrap_err().contains("has no address"));
}

#[tokio::test]
async fn a_name_that_leads_inward_is_not_followed_there_unless_it_may() {
    let web = Web::new(|_, _| answer("200 OK", ""));
    let client = Client::new(None);
    for host in ["127.0.0.1", "localhost", "127.1", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{}/", web.port());
        let got = ask_with(&client, Method::Get, &url, false).await;
        assert!(
            got.unwrap_err().contains("an address of this machine"),
            "{host}"
        );
    }
    assert!(web.asked().is_empty());
    let metadata = "http://169.254.169.254/latest/meta-data/";
    let got = ask_with(&client, Method::Get, metadata, false).await;
    assert!(got.unwrap_err().contains("an address of this machine"));
}

/// A TLS server for one connection, which says whether it closes as TLS wants it.
async fn tls_server(polite: bool) -> u16 {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls/");
    let certificate = CertificateDer::from_pem_file(format!("{dir}server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(format!("{dir}server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(mut stream) = acceptor.accept(stream).await else {
            return;
        };
        let mut asked = [0; 1024];
        let _ = stream.read(&mut asked).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello").await;
        let _ = stream.flush().await;
        if polite {
            let _ = stream.shutdown().await;
        }
    });
    port
}

fn with_ca() -> Client {
    let ca = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls/ca.pem");
    Client::new(Some(ca.into()))
}

#[tokio::test]
async fn only_a_certificate_that_is_vouched_for_and_names_the_server_is_trusted() {
    let url = |host: &str, port| format!("https://{host}:{port}/");
    let port = tls_server(true).await;
    let got = ask_with(&with_ca(), Method::Get, &url("localhost", port), true).await;
    assert_eq!(got, Ok((200, b"hello".to_vec())));

    let port = tls_server(true).await;
    let got = ask_with(&with_ca(), Method::Get, &url("127.0.0.1", port), true).await;
    assert!(
        got.unwrap_err().contains("do not trust each other"),
        "another name"
    );

    let port = tls_server(true).await;
    let got = ask(Method::Get, &url("localhost", port)).await;
    let why = got.unwrap_err();
    // A machine without any certificates says so.
    assert!(why.contains("trust"), "{why}");
}

#[tokio::test]
async fn an_answer_whose_end_tls_does_not_vouch_for_is_not_whole() {
    let port = tls_server(false).await;
    let url = format!("https://localhost:{port}/");
    let got = ask_with(&with_ca(), Method::Get, &url, true).await;
    assert!(got.is_err(), "{got:?}");
}

#[tokio::test]
async fn a_file_of_certificates_that_cannot_be_read_is_named() {
    let client = Client::new(Some("/nonexistent/ca.pem".into()));
    let port = tls_server(true).await;
    let got = ask_with(
        &client,
        Method::Get,
        &format!("https://localhost:{port}/"),
        true,
    )
    .await;
    assert!(got.unwrap_err().contains("/nonexistent/ca.pem"));
}

#[test]
fn a_url_is_read_strictly() {
    let url = Url::parse("https://API.example.com/a?b=c").unwrap();
    assert_eq!(
        (url.tls, &*url.host, url.port, &*url.path),
        (true, "api.example.com", 443, "/a?b=c")
    );
    assert_eq!(
        Url::parse("http://[::1]:8080?x").unwrap().server(),
        "[::1]:8080"
    );
    assert_eq!(Url::parse("http://[::1]:8080?x").unwrap().path, "/?x");
    for wrong in [
        "",
        "ftp://x/",
        "//x/",
        "http://",
        "http:///a",
        "http://u:p@x/",
        "http://x:0/",
        "http://x:99999/",
        "http://x:+80/",
        "http://x:/",
        "http://x/a b",
        "http://x/#a",
        "http://x\\@y/",
        "http://x/\r\n",
        "http://[::1/",
        "http://[x]/",
        "http://[::1]x/",
        "http://ex%61mple/",
        "http://ü/",
        "HTTP://x/",
    ] {
        assert!(Url::parse(wrong).is_err(), "{wrong:?}");
    }
}
