//! Requests to web servers: what becomes of an attempt, whatever the server does.

use super::*;
use crate::http::tests::web::{Then, Web, answer};
use crate::run::http::{Http, METRICS_NEITHER, METRICS_NO, Method, Metrics};
use crate::run::secret::{Filled, SecretRef};

fn http(method: Method, url: String) -> Http {
    Http {
        method,
        url,
        headers: std::collections::BTreeMap::new(),
        body: None,
        success: vec![(200, 299)],
    }
}

/// How one host ended that does this.
async fn end(act: Act, change: impl FnOnce(&mut Step)) -> crate::run::event::Finished {
    let mut spec = doing(act);
    spec.targets.truncate(1);
    spec.rollout.batches = vec![1];
    spec.steps[0].timeout = Some(Duration::from_secs(20));
    change(&mut spec.steps[0]);
    let run = Bench::start(0).end_of(spec).await;
    let (_, host) = run.hosts().next().unwrap();
    host.last.as_deref().unwrap().clone()
}

/// The same, of a request to this server.
async fn asked(web: &Web, method: Method, idempotent: bool) -> crate::run::event::Finished {
    let act = Act::Http(http(method, web.url("/x?y=z")));
    end(act, |step| step.idempotent = idempotent).await
}

#[tokio::test]
async fn hosts_wait_for_a_secret_that_cannot_be_read_until_it_can_or_somebody_aborts() {
    let mut http = http(Method::Post, "http://127.0.0.1:1/".to_owned());
    http.body = Some(Filled::Secret(SecretRef::Named("gone".to_owned())));
    let bench = Bench::start(0);
    let new = new(doing(Act::Http(http)), None);
    let run = bench.inbox.create(new).await.unwrap();
    let until = async |wanted: &dyn Fn(&Run) -> bool| loop {
        let state = move |core: &Core| core.live_run(run).map(|live| live.run.clone());
        let state = bench.inbox.look(state).await.unwrap().unwrap();
        if wanted(&state) {
            return state;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let parked = until(&|run| run.tally.parked == 2).await;
    let lacks = parked.lacks.as_deref().unwrap();
    assert!(lacks.contains("no secret gone") && lacks.contains("every 30 s"));
    assert_eq!(parked.tally.ended_all(), 0);
    bench.inbox.secrets_looked(run, false).await;
    let looked = |core: &Core| core.unread.len();
    assert_eq!(bench.inbox.look(looked).await.unwrap(), 1);
    bench.inbox.secrets_looked(run, true).await;
    let tried = |run: &Run| run.latest > parked.latest && run.tally.parked == 2;
    until(&tried).await;
    let abort = Steer::Abort {
        reason: String::new(),
    };
    let ann = Arc::new(Authority::everything("ann"));
    bench.inbox.steer(run, ann, abort).await.unwrap();
    let ended = until(&|run| run.ended.is_some()).await;
    assert_eq!(ended.ended.unwrap().0, EndState::Aborted);
}

fn said(finished: &crate::run::event::Finished) -> &str {
    finished.detail.as_deref().unwrap_or_default()
}

#[tokio::test]
async fn only_a_status_that_means_success_is_ok() {
    for (status, outcome) in [
        ("200 OK", Outcome::Ok),
        ("204 No Content", Outcome::Ok),
        ("302 Found", Outcome::Failed(1)),
        ("404 Not Found", Outcome::Failed(1)),
        ("503 Service Unavailable", Outcome::Failed(1)),
    ] {
        let web = Web::new(move |_, _| {
            answer(
                status,
                if status.starts_with("204") {
                    ""
                } else {
                    "body"
                },
            )
        });
        let finished = asked(&web, Method::Post, false).await;
        assert_eq!(finished.outcome, outcome, "{status}");
        assert!(said(&finished).contains(status), "{finished:?}");
        assert_eq!(web.asked().len(), 1);
    }
}

#[tokio::test]
async fn what_changes_something_and_was_not_answered_whole_is_in_doubt_and_not_sent_again() {
    let answers: [fn() -> Vec<Then>; 3] = [
        Vec::new,
        || {
            vec![Then::Say(
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_owned(),
            )]
        },
        || {
            vec![Then::Say(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n".to_owned(),
            )]
        },
    ];
    for make in answers {
        let web = Web::new(move |_, _| make());
        let finished = asked(&web, Method::Post, false).await;
        assert_eq!(finished.outcome, Outcome::InDoubt, "{finished:?}");
        assert!(said(&finished).contains("may have done it"), "{finished:?}");
        assert_eq!(web.asked().len(), 1, "once, and once only");
    }
}

#[tokio::test]
async fn what_does_no_harm_twice_is_sent_once_more_when_nothing_was_answered() {
    for (method, idempotent) in [(Method::Get, true), (Method::Post, true)] {
        let web = Web::new(|before, _| {
            if before == 0 {
                Vec::new()
            } else {
                answer("200 OK", "")
            }
        });
        let finished = asked(&web, method, idempotent).await;
        assert_eq!(finished.outcome, Outcome::Ok, "{finished:?}");
        assert_eq!(web.asked().len(), 2);

        let web = Web::new(|_, _| Vec::new());
        let finished = asked(&web, method, idempotent).await;
        assert_eq!(finished.outcome, Outcome::Failed(1), "{finished:?}");
        assert_eq!(web.asked().len(), 2, "once more, and not for ever");
    }
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
    let web = Web::new(move |_, _| vec![Then::Say(cut.to_owned())]);
    let finished = asked(&web, Method::Get, true).await;
    assert_eq!(finished.outcome, Outcome::Failed(1), "{finished:?}");
    assert_eq!(web.asked().len(), 1, "its output has begun");
    assert_eq!(finished.output.stdout, 3);
}

#[tokio::test]
async fn a_server_that_takes_its_time_is_left_when_the_time_is_up() {
    for then in [
        vec![Then::Hold],
        vec![Then::Say("HTTP/1.1 200 OK\r\n\r\n".to_owned()), Then::Drip],
        // 10 GB.
        vec![
            Then::Say("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n".to_owned()),
            Then::Pour(10_000_000_000),
        ],
    ] {
        for (method, idempotent, outcome) in [
            (Method::Get, true, Outcome::TimedOut),
            (Method::Post, true, Outcome::TimedOut),
            (Method::Post, false, Outcome::InDoubt),
        ] {
            let then = then.clone();
            let web = Web::new(move |_, _| then.clone());
            let act = Act::Http(http(method, web.url("/")));
            let finished = end(act, |step| {
                step.idempotent = idempotent;
                step.timeout = Some(Duration::from_millis(300));
            })
            .await;
            assert_eq!(finished.outcome, outcome, "{finished:?}");
            assert!(said(&finished).contains("within 0.3 s"), "{finished:?}");
            let kept = finished.output.stdout - finished.output.dropped;
            assert!(kept <= 1 << 20, "{kept} bytes are kept");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_was_sent_nothing() {
    let closed = Web::new(|_, _| Vec::new()).url("/");
    let finished = end(Act::Http(http(Method::Post, closed)), |_| {}).await;
    assert_eq!(finished.outcome, Outcome::Unreachable, "{finished:?}");
}

fn gate(url: String) -> Act {
    Act::Metrics(Metrics {
        url,
        query: "sum(up{a=\"b c\"}) > bool 0".to_owned(),
    })
}

#[tokio::test]
async fn a_gate_that_learns_nothing_is_inconclusive_and_tells_why() {
    for (status, body, why) in [
        (
            "200 OK",
            r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
            "found nothing",
        ),
        (
            "400 Bad Request",
            r#"{"status":"error","errorType":"bad_data","error":"no such \"thing\""}"#,
            "no such",
        ),
        (
            "503 Service Unavailable",
            "busy",
            "HTTP 503 Service Unavailable",
        ),
        (
            "302 Found",
            r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#,
            "HTTP 302",
        ),
        ("200 OK", "<html>", "not what Prometheus"),
        (
            "200 OK",
            r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#,
            "cannot be read",
        ),
    ] {
        let web = Web::new(move |_, _| answer(status, body));
        let finished = end(gate(web.url("/prometheus/")), |_| {}).await;
        assert_eq!(
            finished.outcome,
            Outcome::Failed(METRICS_NEITHER),
            "{finished:?}"
        );
        assert!(said(&finished).contains(why), "{finished:?}");
        let path =
            "/prometheus/api/v1/query?query=sum%28up%7Ba%3D%22b%20c%22%7D%29%20%3E%20bool%200";
        assert_eq!(web.asked()[0].path, path);
    }
    let long = Web::new(|_, _| {
        vec![
            Then::Say("HTTP/1.1 200 OK\r\n\r\n".to_owned()),
            Then::Pour(1 << 30),
        ]
    });
    let finished = end(gate(long.url("")), |_| {}).await;
    assert!(said(&finished).contains("longer than"), "{finished:?}");
    let slow = Web::new(|_, _| vec![Then::Hold]);
    let finished = end(gate(slow.url("")), |step| {
        step.timeout = Some(Duration::from_millis(200));
    })
    .await;
    assert_eq!(
        finished.outcome,
        Outcome::Failed(METRICS_NEITHER),
        "{finished:?}"
    );
    assert_ne!(METRICS_NEITHER, METRICS_NO);
}
