use super::*;

fn by() -> Author {
    Author::new("ops", 7)
}

fn tree() -> Vfs {
    let mut fs = Vfs::new(100_000);
    fs.make_directories("/var/log/app", &by()).unwrap();
    fs.write("/var/log/app/a.log", b"one\n", Write::Replace, &by())
        .unwrap();
    fs
}

#[test]
fn a_file_reads_back_what_was_written_and_appended() {
    let mut fs = tree();
    fs.write("/var/log/app/a.log", b"two\n", Write::Append, &by())
        .unwrap();
    assert_eq!(
        fs.read("/var/../var/log//app/./a.log").unwrap(),
        b"one\ntwo\n"
    );
    fs.write_at("/x", 3, b"z", &by()).unwrap();
    assert_eq!(fs.read("/x").unwrap(), b"\0\0\0z");
}

#[test]
fn rename_replaces_a_file_and_moves_a_tree() {
    let mut fs = tree();
    fs.write("/tmp", b"old", Write::Replace, &by()).unwrap();
    fs.write("/new", b"new", Write::Replace, &by()).unwrap();
    fs.rename("/new", "/tmp").unwrap();
    assert_eq!(fs.read("/tmp").unwrap(), b"new");
    fs.rename("/var/log", "/log").unwrap();
    assert_eq!(fs.read("/log/app/a.log").unwrap(), b"one\n");
    assert_eq!(fs.stat("/var/log").unwrap_err(), FsError::NotFound);
    assert_eq!(fs.rename("/log", "/log/app/x"), Err(FsError::Invalid));
}

#[test]
fn removing_gives_the_room_back() {
    let mut fs = tree();
    let before = fs.usage().0;
    fs.write("/big", &[0; 5000], Write::Replace, &by()).unwrap();
    fs.make_directory("/d", &by()).unwrap();
    fs.remove("/big").unwrap();
    fs.remove_directory("/d").unwrap();
    assert_eq!(fs.usage().0, before);
    fs.remove_tree("/var").unwrap();
    assert_eq!(fs.usage().0, 0);
}

#[test]
fn a_full_disk_says_so_and_stays_readable() {
    let mut fs = tree();
    let full = fs.write("/big", &vec![0; 200_000], Write::Replace, &by());
    assert_eq!(full, Err(FsError::NoSpace));
    assert_eq!(fs.read("/var/log/app/a.log").unwrap(), b"one\n");
}

#[test]
fn links_are_followed_and_a_loop_ends() {
    let mut fs = tree();
    fs.make_link("/l", "var/log", &by()).unwrap();
    assert_eq!(fs.read("/l/app/a.log").unwrap(), b"one\n");
    fs.make_link("/a", "/b", &by()).unwrap();
    fs.make_link("/b", "/a", &by()).unwrap();
    assert_eq!(fs.stat("/a").unwrap_err(), FsError::Loop);
    assert_eq!(fs.stat("/a/x").unwrap_err(), FsError::Loop);
}

#[test]
fn a_listing_names_the_children_only() {
    let mut fs = tree();
    fs.write("/var/log/b", b"", Write::Replace, &by()).unwrap();
    fs.write("/var/log-x", b"", Write::Replace, &by()).unwrap();
    let names: Vec<_> = fs
        .list("/var/log")
        .unwrap()
        .into_iter()
        .map(|e| e.0)
        .collect();
    assert_eq!(names, ["app", "b"]);
    assert_eq!(fs.list("/var/log/b").unwrap_err(), FsError::NotDirectory);
}

proptest::proptest! {
    #[test]
    fn no_path_panics_or_leaves_the_tree(paths in proptest::collection::vec("[a-c./\u{e9}]{0,12}", 1..20)) {
        let mut fs = tree();
        let start = fs.usage().0;
        for pair in paths.windows(2) {
            let _ = fs.make_directories(&pair[0], &by());
            let _ = fs.write(&pair[1], b"x", Write::Append, &by());
            let _ = fs.rename(&pair[0], &pair[1]);
            let _ = fs.make_link(&pair[1], &pair[0], &by());
            let _ = fs.remove_tree(&pair[0]);
        }
        let names: Vec<String> = fs.list("/").unwrap().into_iter().map(|(name, _)| name).collect();
        for name in names {
            fs.remove_tree(&format!("/{name}")).unwrap();
        }
        proptest::prop_assert_eq!(fs.usage().0, 0);
        proptest::prop_assert!(start > 0);
    }
}
