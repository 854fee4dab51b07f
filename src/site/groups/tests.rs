use super::*;

struct Dir(tempfile::TempDir);

impl Dir {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(dir)
    }

    fn groups(&self) -> SiteGroups {
        SiteGroups::new(vec![self.0.path().join("groups.conf")])
    }
}

#[test]
fn a_command_runs_once_for_a_question_in_its_own_directory() {
    let dir = Dir::new(&[(
        "groups.conf",
        b"[a]\nmap: echo x >>asked; echo $SOURCE-$GROUP $CFGDIR\n",
    )]);
    let groups = dir.groups();
    let path = dir.0.path().display().to_string();
    for _ in 0..3 {
        assert_eq!(
            groups.hosts(None, "g").unwrap(),
            ["a-g".to_string(), path.clone()]
        );
    }
    assert_eq!(
        std::fs::read_to_string(dir.0.path().join("asked")).unwrap(),
        "x\n"
    );
}

#[test]
fn an_answer_is_asked_for_again_when_its_time_is_over() {
    let dir = Dir::new(&[(
        "groups.conf",
        b"[a]\nmap: echo x >>asked; wc -l <asked\ncache_time: 0\n",
    )]);
    let groups = dir.groups();
    assert_eq!(groups.hosts(None, "g").unwrap(), ["1"]);
    assert_eq!(groups.hosts(None, "g").unwrap(), ["2"]);
}

#[test]
fn commands_and_answers_are_traced_for_who_asks() {
    let dir = Dir::new(&[("groups.conf", b"[a]\nmap: echo n1; echo hm >&2\n")]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let trace = Box::new(move |text: &str| listener.lock().unwrap().push(text.to_string()));
    dir.groups()
        .with_trace(trace)
        .hosts(Some("a"), "g")
        .unwrap();
    assert_eq!(
        *told.lock().unwrap(),
        ["EXEC 'echo n1; echo hm >&2'", "READ 'n1'", "SAID 'hm'"]
    );
}

#[test]
fn a_faulty_configuration_is_an_error_at_the_first_question_and_names_its_file() {
    for (files, expected) in [
        (
            vec![("groups.conf", b"map: x\n".as_slice())],
            "groups.conf:1: ",
        ),
        (
            vec![("groups.conf", b"\xff\n")],
            "groups.conf: this cannot be read",
        ),
        (
            vec![("groups.conf", b"[Main]\nconfdir: $CFGDIR/x\n"), ("x", b"")],
            "/x: this cannot be read",
        ),
        (
            vec![
                ("groups.conf", b"[Main]\nautodir: $CFGDIR/y\n"),
                ("y/a.yaml", b"a: {b: 1}\n"),
            ],
            "a.yaml:1:8: ",
        ),
    ] {
        let error = Dir::new(&files)
            .groups()
            .hosts(None, "g")
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn without_any_configuration_a_group_is_unknown_and_the_places_searched_are_named() {
    let error = SiteGroups::new(vec!["/nonexistent/groups.conf".into()])
        .hosts(None, "g")
        .unwrap_err();
    let expected =
        "unknown group source \"<default>\": no groups are configured in /nonexistent/groups.conf";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn the_environment_says_where_to_look() {
    let env = |name: &str| match name {
        "HOME" => Some("/home/u".to_string()),
        "CLUSTERSHELL_CFGDIR" => Some("/srv/cs".to_string()),
        _ => None,
    };
    let files = default_files(&env);
    assert_eq!(
        files.first(),
        Some(&PathBuf::from("/etc/clustershell/groups.conf"))
    );
    assert!(files.contains(&PathBuf::from("/home/u/.config/clustershell/groups.conf")));
    assert_eq!(files.last(), Some(&PathBuf::from("/srv/cs/groups.conf")));
}
