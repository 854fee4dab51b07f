//! Gates by metrics: a metrics server is asked once for a batch, and what it says is judged.

use std::time::Instant;

use bytes::Bytes;

use super::http_rules::{Admitted, admitted};
use super::http_step::{CONNECTING, PATIENCE};
use super::task::{Report, Task};
use crate::flow::metrics::{Judge, Verdict, error_of, value};
use crate::http::Request;
use crate::run::http::{METRICS_NEITHER, METRICS_NO, Method, Metrics};
use crate::run::outcome::Outcome;
use crate::run::output::OutStream;
use crate::run::percent;
use crate::run::phases::Phases;
use crate::run::spec::Step;
use crate::ssh::{AttemptEnd, Sink as _, Stage};

/// The longest answer that is read, in bytes: a gate needs one number.
const MOST: usize = 1 << 20;

impl Task {
    /// Asks, and judges. To ask does no harm, so that nothing here is ever in doubt.
    pub(super) async fn metrics(&self, step: &Step, metrics: &Metrics) -> Report {
        let began = Instant::now();
        let sink = self.sink((0, 0));
        sink.stage(Stage::Running);
        let limit = step.timeout.unwrap_or(PATIENCE);
        let asked = tokio::select! {
            asked = self.asked(metrics) => asked,
            () = self.cancel.cancelled() => return self.ended(Outcome::Cancelled, None),
            () = tokio::time::sleep(limit) => Err(Unasked::Said(format!(
                "no whole answer within {} s", limit.as_secs_f64()
            ))),
        };
        let found = match asked {
            Ok(body) => value(&body),
            Err(Unasked::Said(why)) => Err(why),
            Err(Unasked::NotDurable(why)) => return self.ended(Outcome::NotStarted, Some(why)),
        };
        let judge = self.work.as_ref().and_then(|work| work.judge.as_ref());
        let (verdict, words, why) = judged(found, judge);
        let outcome = match verdict {
            Verdict::Success => Outcome::Ok,
            Verdict::Failure => Outcome::Failed(METRICS_NO),
            Verdict::Inconclusive => Outcome::Failed(METRICS_NEITHER),
        };
        let text = format!(
            "query: {}\n{words}\nverdict: {} ({why})\n",
            metrics.query,
            verdict.word()
        );
        sink.output(OutStream::Stdout, 0, Bytes::from(text)).await;
        let phases = Phases {
            run: Some(began.elapsed().as_secs_f64()),
            ..Phases::default()
        };
        let said = format!("metrics, {words}, {}", verdict.word());
        let said = match verdict {
            Verdict::Success => said,
            Verdict::Failure | Verdict::Inconclusive => format!("{said} ({why})"),
        };
        let output = sink.finish(0).await;
        self.report(AttemptEnd::ended(outcome, Some(said), phases), output, true)
    }

    /// The answer to the query.
    async fn asked(&self, metrics: &Metrics) -> Result<Vec<u8>, Unasked> {
        let url = metrics_url(metrics);
        let Admitted { url, inward } =
            admitted(&self.parts.settings, &url).map_err(Unasked::Said)?;
        let server = url.server();
        let json = [("accept", b"application/json".as_slice())];
        let request = Request::new(Method::Get, url, json, None).map_err(Unasked::Said)?;
        let said = |error: &dyn std::fmt::Display| Unasked::Said(format!("{server}: {error}"));
        let connecting = self
            .parts
            .http
            .connect(request.url(), inward, CONNECTING)
            .await;
        let connection = connecting.map_err(|error| Unasked::Said(error.to_string()))?;
        self.permit().await.map_err(Unasked::NotDurable)?;
        let mut reply = connection
            .send(&request)
            .await
            .map_err(|error| said(&error))?;
        let mut body = Vec::new();
        while let Some(bytes) = reply.next().await.map_err(|error| said(&error))? {
            body.extend_from_slice(&bytes);
            if body.len() > MOST {
                return Err(said(&format!("its answer is longer than {MOST} bytes")));
            }
        }
        // What is wrong with a query comes with a status of its own, and words in the body.
        if !(200..300).contains(&reply.status) {
            let why = error_of(&body).map_or_else(String::new, |why| format!(", {why}"));
            return Err(said(&format!("HTTP {}{why}", reply.line())));
        }
        Ok(body)
    }
}

/// Why there is no answer.
enum Unasked {
    /// In words.
    Said(String),
    /// The intent is not durable.
    NotDurable(String),
}

/// The verdict, the value in words, and why.
fn judged(found: Result<f64, String>, judge: Option<&Judge>) -> (Verdict, String, String) {
    match (found, judge) {
        (Ok(value), Some(judge)) => {
            let (verdict, why) = judge.of(value);
            (verdict, format!("value {value}"), why)
        }
        (Ok(value), None) => (
            Verdict::Inconclusive,
            format!("value {value}"),
            "its conditions cannot be read".to_owned(),
        ),
        (Err(why), _) => (Verdict::Inconclusive, "no value".to_owned(), why),
    }
}

/// Where an instant query is asked.
pub(super) fn metrics_url(metrics: &Metrics) -> String {
    let server = metrics.url.trim_end_matches('/');
    let mut url = format!("{server}/api/v1/query?query=");
    percent::encode(&metrics.query, &mut url);
    url
}
