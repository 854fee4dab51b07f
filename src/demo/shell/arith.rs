//! Whole numbers in `$(( … ))`.

const MAX_DEPTH: usize = 30;

/// The value of `text`, with `value_of` for its names; `None` when it makes no sense.
pub fn evaluate(text: &str, value_of: &dyn Fn(&str) -> i64) -> Option<i64> {
    let mut reader = Reader {
        text: text.as_bytes(),
        at: 0,
        depth: 0,
        value_of,
    };
    let value = reader.binary(0)?;
    reader.skip_blanks();
    (reader.at == reader.text.len()).then_some(value)
}

/// Operators by how tightly they bind, loosest first; longer ones before their beginnings.
const LEVELS: [&[&str]; 6] = [
    &["||"],
    &["&&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["+", "-"],
    &["*", "/", "%"],
];

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    value_of: &'a dyn Fn(&str) -> i64,
}

impl Reader<'_> {
    fn skip_blanks(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn eat(&mut self, operator: &str) -> bool {
        self.skip_blanks();
        let found = self.text[self.at..].starts_with(operator.as_bytes());
        if found {
            self.at += operator.len();
        }
        found
    }

    fn binary(&mut self, level: usize) -> Option<i64> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = operators.iter().find(|o| self.eat(o)) {
            left = apply(operator, left, self.binary(level + 1)?)?;
        }
        Some(left)
    }

    fn unary(&mut self) -> Option<i64> {
        if self.depth == MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let value = if self.eat("-") {
            self.unary()?.wrapping_neg()
        } else if self.eat("!") {
            i64::from(self.unary()? == 0)
        } else if self.eat("(") {
            let value = self.binary(0)?;
            self.eat(")").then_some(value)?
        } else {
            self.operand()?
        };
        self.depth -= 1;
        Some(value)
    }

    fn operand(&mut self) -> Option<i64> {
        self.skip_blanks();
        let rest = &self.text[self.at..];
        let end = rest
            .iter()
            .position(|b| !b.is_ascii_alphanumeric() && *b != b'_')
            .unwrap_or(rest.len());
        let word = std::str::from_utf8(&rest[..end]).ok()?;
        self.at += end;
        match word.as_bytes().first()? {
            b'0'..=b'9' => word.parse().ok(),
            _ => Some((self.value_of)(word)),
        }
    }
}

fn apply(operator: &str, left: i64, right: i64) -> Option<i64> {
    Some(match operator {
        "||" => i64::from(left != 0 || right != 0),
        "&&" => i64::from(left != 0 && right != 0),
        "==" => i64::from(left == right),
        "!=" => i64::from(left != right),
        "<=" => i64::from(left <= right),
        ">=" => i64::from(left >= right),
        "<" => i64::from(left < right),
        ">" => i64::from(left > right),
        "+" => left.wrapping_add(right),
        "-" => left.wrapping_sub(right),
        "*" => left.wrapping_mul(right),
        "/" => left.checked_div(right)?,
        _ => left.checked_rem(right)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_bind_as_the_shell_binds_them() {
        let value_of = |name: &str| if name == "n" { 7 } else { 0 };
        for (text, value) in [
            ("1 + 2 * 3", Some(7)),
            ("(1+2)*n % 4", Some(1)),
            ("-n + unset", Some(-7)),
            ("n >= 7 && 3 != 3 || 1", Some(1)),
            ("1 / 0", None),
            ("1 +", None),
            ("2 2", None),
            ("9999999999999999999", None),
        ] {
            assert_eq!(evaluate(text, &value_of), value, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[-+*/%()<>=!&| 0-9a-z]{0,80}") {
            let _ = evaluate(&text, &|_| i64::MIN);
        }
    }
}
