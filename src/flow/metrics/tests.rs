use super::*;
use crate::flow::template::{QueryText, UrlText};

fn judge(success: Option<&str>, failure: Option<&str>) -> Judge {
    let condition = |text: Option<&str>| text.map(|text| Condition::parse(text).unwrap());
    let metrics = Metrics {
        url: UrlText::parse("http://p").unwrap(),
        query: QueryText::parse("up").unwrap(),
        success: condition(success),
        failure: condition(failure),
    };
    Judge::new(&metrics, Scope::new())
}

#[test]
fn a_verdict_is_as_argo_gives_it() {
    use Verdict::{Failure, Inconclusive, Success};
    let both = || judge(Some("value < 0.1"), Some("value > 0.5"));
    for (judge, value, verdict) in [
        (both(), 0.05, Success),
        (both(), 0.3, Inconclusive),
        (both(), 0.7, Failure),
        (both(), f64::INFINITY, Failure),
        (both(), f64::NEG_INFINITY, Success),
        (both(), f64::NAN, Inconclusive),
        (judge(Some("value < 0.1"), None), 0.05, Success),
        (judge(Some("value < 0.1"), None), 0.3, Failure),
        (judge(Some("value < 0.1"), None), f64::NAN, Inconclusive),
        (judge(None, Some("value > 0.5")), 0.3, Success),
        (judge(None, Some("value > 0.5")), 0.7, Failure),
        (judge(None, Some("value > 0.5")), f64::NAN, Inconclusive),
        // What is both is a failure.
        (judge(Some("value > 0"), Some("value > 1")), 2.0, Failure),
        // What cannot be judged is no yes.
        (judge(Some("value < gone"), None), 1.0, Inconclusive),
    ] {
        let (said, why) = judge.of(value);
        assert_eq!(said, verdict, "{value}: {why}");
    }
    let (_, why) = both().of(0.3);
    assert_eq!(
        why,
        "success \"value < 0.1\" does not hold, failure \"value > 0.5\" does not hold"
    );
}

fn vector(values: &[&str]) -> String {
    let series: Vec<String> = values
        .iter()
        .map(|value| format!(r#"{{"metric":{{"job":"x"}},"value":[1435781451.781,"{value}"]}}"#))
        .collect();
    format!(
        r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}},"warnings":["w"]}}"#,
        series.join(",")
    )
}

#[test]
fn one_value_is_read_from_an_answer_and_anything_else_is_told() {
    assert_eq!(value(vector(&["0.25"]).as_bytes()), Ok(0.25));
    assert_eq!(value(vector(&["+Inf"]).as_bytes()), Ok(f64::INFINITY));
    assert_eq!(value(vector(&["-Inf"]).as_bytes()), Ok(f64::NEG_INFINITY));
    assert!(value(vector(&["NaN"]).as_bytes()).unwrap().is_nan());
    let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1e-3"]}}"#;
    assert_eq!(value(scalar.as_bytes()), Ok(0.001));
    for (body, why) in [
        (vector(&[]), "found nothing"),
        (vector(&["1", "2"]), "found 2 values"),
        (vector(&["one"]), "is no number"),
        (String::new(), "not what Prometheus"),
        ("[]".to_owned(), "not what Prometheus"),
        (r#"{"status":"success"}"#.to_owned(), "no data"),
        (
            r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#.to_owned(),
            "query timed out",
        ),
        (
            r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#.to_owned(),
            "gives a \"matrix\"",
        ),
        (
            r#"{"status":"success","data":{"resultType":"scalar","result":"1"}}"#.to_owned(),
            "cannot be read",
        ),
    ] {
        let said = value(body.as_bytes()).unwrap_err();
        assert!(said.contains(why), "{body} gave {said}");
    }
}
