//! `*` and `?` in names, as in the shell: any text, and any one character.

/// Whether the whole name matches the mask.
pub fn matches(mask: &str, name: &str) -> bool {
    let (mask, name): (Vec<char>, Vec<char>) = (mask.chars().collect(), name.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // Where to go on when a guess about the last star's length was wrong.
    let mut retry: Option<(usize, usize)> = None;
    while seen < name.len() {
        match mask.get(at) {
            Some('*') => {
                retry = Some((at + 1, seen));
                at += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((after_star, start)) = retry else {
                    return false;
                };
                retry = Some((after_star, start + 1));
                (at, seen) = (after_star, start + 1);
            }
        }
    }
    mask[at..].iter().all(|&rest| rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_match_whole_names() {
        for (mask, name, expected) in [
            ("*", "", true),
            ("web*", "web01", true),
            ("web?", "web01", false),
            ("*serv*1", "wwwserv11", true),
            ("*serv?", "wwwserv", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
        ] {
            assert_eq!(matches(mask, name), expected, "{mask} {name}");
        }
    }
}
