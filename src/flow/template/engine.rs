//! The template engine as it is set up for us: bounded, strict, and with a few filters only.

use std::sync::OnceLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, filters, tests};

use crate::run::duration::HumanDuration;

/// Stands before and behind each value in the output, so that it can be told from the text around
/// it. No text and no value may hold one.
pub(super) const MARK: char = '\0';
/// Work a template may do; a loop over 10,000 hosts takes a fraction of it.
const FUEL: u64 = 5_000_000;
const RECURSION: usize = 32;

/// Filters that a template may use; `safe` and `escape` are not among them.
pub(super) const FILTERS: [&str; 22] = [
    "abs", "default", "first", "float", "int", "join", "json", "last", "length", "lower", "max",
    "min", "reject", "replace", "round", "seconds", "select", "sort", "split", "trim", "unique",
    "upper",
];
/// Tests that may follow `is`.
pub(super) const TESTS: [&str; 14] = [
    "defined",
    "undefined",
    "none",
    "odd",
    "even",
    "divisibleby",
    "number",
    "string",
    "sequence",
    "startingwith",
    "endingwith",
    "in",
    "true",
    "false",
];
/// Functions that may be called.
pub(super) const FUNCTIONS: [&str; 1] = ["range"];

/// The engine for commands: each value between marks.
pub(super) fn of_commands() -> &'static Environment<'static> {
    static ENGINE: OnceLock<Environment<'static>> = OnceLock::new();
    ENGINE.get_or_init(|| environment(write_words))
}

/// The engine for other texts and for conditions.
pub(super) fn of_texts() -> &'static Environment<'static> {
    static ENGINE: OnceLock<Environment<'static>> = OnceLock::new();
    ENGINE.get_or_init(|| environment(write_plain))
}

fn environment(
    formatter: fn(&mut Output<'_>, &mut State<'_, '_>, &Value) -> Result<(), Error>,
) -> Environment<'static> {
    let mut engine = Environment::empty();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    engine.set_recursion_limit(RECURSION);
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        engine.set_syntax(syntax);
    }
    engine.set_formatter(formatter);
    add_filters(&mut engine);
    add_tests(&mut engine);
    engine.add_function("range", minijinja::functions::range);
    engine
}

fn add_filters(engine: &mut Environment<'static>) {
    engine.add_filter("abs", filters::abs);
    engine.add_filter("default", filters::default);
    engine.add_filter("first", filters::first);
    engine.add_filter("float", filters::float);
    engine.add_filter("int", filters::int);
    engine.add_filter("join", filters::join);
    engine.add_filter("json", json);
    engine.add_filter("last", filters::last);
    engine.add_filter("length", filters::length);
    engine.add_filter("lower", filters::lower);
    engine.add_filter("max", filters::max);
    engine.add_filter("min", filters::min);
    engine.add_filter("reject", filters::reject);
    engine.add_filter("replace", filters::replace);
    engine.add_filter("round", filters::round);
    engine.add_filter("seconds", seconds);
    engine.add_filter("select", filters::select);
    engine.add_filter("sort", filters::sort);
    engine.add_filter("split", filters::split);
    engine.add_filter("trim", filters::trim);
    engine.add_filter("unique", filters::unique);
    engine.add_filter("upper", filters::upper);
}

fn add_tests(engine: &mut Environment<'static>) {
    engine.add_test("defined", tests::is_defined);
    engine.add_test("undefined", tests::is_undefined);
    engine.add_test("none", tests::is_none);
    engine.add_test("odd", tests::is_odd);
    engine.add_test("even", tests::is_even);
    engine.add_test("divisibleby", tests::is_divisibleby);
    engine.add_test("number", tests::is_number);
    engine.add_test("string", tests::is_string);
    engine.add_test("sequence", tests::is_sequence);
    engine.add_test("startingwith", tests::is_startingwith);
    engine.add_test("endingwith", tests::is_endingwith);
    engine.add_test("in", tests::is_in);
    engine.add_test("true", tests::is_true);
    engine.add_test("false", tests::is_false);
}

/// A value as JSON, with its quotation marks: for bodies of requests.
fn json(value: &Value) -> Result<String, Error> {
    Ok(as_json(value)?.to_string())
}

fn as_json(value: &Value) -> Result<serde_json::Value, Error> {
    Ok(match value.kind() {
        ValueKind::None => serde_json::Value::Null,
        ValueKind::Bool => value.is_true().into(),
        ValueKind::Number => match i64::try_from(value.clone()) {
            Ok(whole) => whole.into(),
            Err(_) => f64::try_from(value.clone())?.into(),
        },
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter()?.map(|item| as_json(&item));
            items.collect::<Result<_, _>>()?
        }
        _ => word(value)?.into(),
    })
}

/// A duration as whole seconds, for programs that know no units.
fn seconds(text: &str) -> Result<u64, Error> {
    let wrong = |error: crate::run::duration::DurationError| {
        Error::new(ErrorKind::InvalidOperation, error.to_string())
    };
    Ok(text
        .parse::<HumanDuration>()
        .map_err(wrong)?
        .get()
        .as_secs())
}

/// Writes a value, or each of a list, between marks.
fn write_words(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let mut first = true;
    for word in words(value)? {
        let blank = if first { "" } else { " " };
        first = false;
        write(out, &format!("{blank}{MARK}{word}{MARK}"))?;
    }
    Ok(())
}

fn write_plain(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let words = words(value)?;
    write(out, &words.join(","))
}

fn write(out: &mut Output<'_>, text: &str) -> Result<(), Error> {
    out.write_str(text)
        .map_err(|_| Error::new(ErrorKind::WriteFailure, "no room for the output"))
}

/// The words that a value stands for.
fn words(value: &Value) -> Result<Vec<String>, Error> {
    match value.kind() {
        // What `{{ x if y }}` gives when y does not hold.
        ValueKind::Undefined => Ok(Vec::new()),
        ValueKind::Seq | ValueKind::Iterable => value.try_iter()?.map(|item| word(&item)).collect(),
        _ => Ok(vec![word(value)?]),
    }
}

fn word(value: &Value) -> Result<String, Error> {
    let refuse = |why: &str| Err(Error::new(ErrorKind::InvalidOperation, why.to_owned()));
    match value.kind() {
        ValueKind::Bool => Ok(value.is_true().to_string()),
        ValueKind::String | ValueKind::Number => {
            let text = value.to_string();
            if text.contains(MARK) {
                return refuse("a value has a NUL character in it, or was put into a text before");
            }
            Ok(text)
        }
        ValueKind::None => refuse("none is no text"),
        kind => refuse(&format!("a {kind} is no text; name what in it is meant")),
    }
}
