//! Gates by metrics: what a server that speaks Prometheus' HTTP API answered, and what follows.
//!
//! The format is that of <https://prometheus.io/docs/prometheus/latest/querying/api/>, section
//! "Instant queries"; the verdicts are those of Argo Rollouts' analysis
//! (<https://argo-rollouts.readthedocs.io/en/stable/features/analysis/>).

use serde::Deserialize;

use super::rollout::Metrics;
use super::template::{Condition, Scope, TemplateError};
use crate::run::complaint::quote;

/// What a gate comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It opens.
    Success,
    /// It does not.
    Failure,
    /// Neither can be said.
    Inconclusive,
}

impl Verdict {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// The conditions of a gate, with the values they may name.
#[derive(Debug, Clone)]
pub struct Judge {
    success: Option<Condition>,
    failure: Option<Condition>,
    scope: Scope,
}

impl Judge {
    pub(super) fn new(metrics: &Metrics, scope: Scope) -> Self {
        Self {
            success: metrics.success.clone(),
            failure: metrics.failure.clone(),
            scope,
        }
    }

    /// What follows from a value, and why: as in Argo, a failure that holds weighs more than a
    /// success, and of one condition alone the opposite is the other.
    pub fn of(&self, value: f64) -> (Verdict, String) {
        if value.is_nan() {
            return (Verdict::Inconclusive, "the value is no number".to_owned());
        }
        let scope = self.scope.clone().with_number("value", value);
        let judged = |condition: &Option<Condition>| -> Result<Option<bool>, TemplateError> {
            condition.as_ref().map(|one| one.holds(&scope)).transpose()
        };
        let (success, failure) = match (judged(&self.success), judged(&self.failure)) {
            (Ok(success), Ok(failure)) => (success, failure),
            (Err(error), _) | (_, Err(error)) => {
                let why = format!("its conditions cannot be judged: {error}");
                return (Verdict::Inconclusive, why);
            }
        };
        let verdict = match (success, failure) {
            (_, Some(true)) | (Some(false), None) => Verdict::Failure,
            (Some(true), _) | (None, Some(false)) => Verdict::Success,
            (Some(false), Some(false)) | (None, None) => Verdict::Inconclusive,
        };
        (verdict, self.why(success, failure))
    }

    fn why(&self, success: Option<bool>, failure: Option<bool>) -> String {
        let told = |word: &str, condition: &Option<Condition>, holds: Option<bool>| {
            let condition = condition.as_ref()?;
            let holds = if holds? { "holds" } else { "does not hold" };
            Some(format!("{word} {} {holds}", quote(condition.source())))
        };
        let both = [
            told("success", &self.success, success),
            told("failure", &self.failure, failure),
        ];
        both.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    data: Option<Data>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: serde_json::Value,
}

/// A sample: a time, and a number as text.
type Sample = (serde_json::Number, String);

/// What the server says was wrong with the question, if it does.
pub fn error_of(body: &[u8]) -> Option<String> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    answer.error.map(|said| quote(&said))
}

/// The one value of an answer; `Err` says why there is none.
///
/// # Errors
/// No answer in the format, one that tells of an error, or none or several values.
pub fn value(body: &[u8]) -> Result<f64, String> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|error| format!("the answer is not what Prometheus' API gives: {error}"))?;
    if answer.status != "success" {
        let said = answer.error.unwrap_or_default();
        return Err(format!("the server could not answer: {}", quote(&said)));
    }
    let data = answer.data.ok_or("the answer has no data in it")?;
    let odd = |error: serde_json::Error| format!("the answer's values cannot be read: {error}");
    let (_, text): Sample = match data.result_type.as_str() {
        "scalar" => serde_json::from_value(data.result).map_err(odd)?,
        "vector" => {
            #[derive(Deserialize)]
            struct Series {
                value: Sample,
            }
            let series: Vec<Series> = serde_json::from_value(data.result).map_err(odd)?;
            match <[Series; 1]>::try_from(series) {
                Ok([one]) => one.value,
                Err(none) if none.is_empty() => {
                    return Err("the query found nothing".to_owned());
                }
                Err(many) => {
                    return Err(format!(
                        "the query found {} values, and a gate needs one; make one of them, as with \
                         sum(…) or max(…)",
                        many.len()
                    ));
                }
            }
        }
        other => {
            return Err(format!(
                "the query gives a {}, and a gate needs one value",
                quote(other)
            ));
        }
    };
    // Prometheus writes NaN, +Inf and -Inf as Rust reads them.
    let number = text.parse::<f64>();
    number.map_err(|_| format!("{} is no number", quote(&text)))
}

#[cfg(test)]
mod tests;
