//! What a console is shown: viewports over the socket, against real hosts.

use std::fmt::Debug;

use theconn::run::ids::RunId;
use theconn::run::outcome::Outcome;
use theconn::wire::console::{
    FoldPage, FoldQuery, GridPage, GridQuery, InventoryPage, InventoryQuery, LinesPage, LinesQuery,
    Overview, OverviewQuery, SearchPage, SearchQuery, Sort,
};
use theconn::wire::request::StartRun;
use theconn::wire::{CallError, Client, Hello, PROTOCOL, Reply, Request};
use tokio::net::UnixStream;
use tokio::runtime::Runtime;

use super::rig::{Rig, fleet, lend, unique};

/// As long as the engine lets anybody wait.
const LONG: u32 = 60_000;

/// A console without a screen.
struct Console {
    client: Client,
    runtime: Runtime,
}

impl Console {
    fn new(rig: &Rig) -> Self {
        rig.conn.run(["engine", "start"]).expect_success();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let client = runtime.block_on(async {
            let socket = rig.conn.home().join("run/engine.sock");
            let stream = UnixStream::connect(socket).await.unwrap();
            let hello = Hello {
                protocol: PROTOCOL,
                attached: true,
                ..Hello::default()
            };
            Client::connect(stream, &hello).await.unwrap()
        });
        Self { client, runtime }
    }

    fn ask(&self, request: Request) -> Result<Reply, CallError> {
        self.runtime.block_on(self.client.call(request))
    }

    #[track_caller]
    fn refused(&self, request: Request) -> String {
        self.ask(request)
            .expect_err("this is not granted")
            .to_string()
    }

    #[track_caller]
    fn overview(&self, query: OverviewQuery) -> Overview {
        match self.ask(Request::Overview(query)) {
            Ok(Reply::Overview(page)) => *page,
            other => unexpected(&other),
        }
    }

    /// Overviews until one is as wanted: each waits for something to change.
    #[track_caller]
    fn overview_when(&self, wanted: impl Fn(&Overview) -> bool) -> Overview {
        let mut revision = 0;
        loop {
            let query = OverviewQuery {
                revision,
                wait_ms: LONG,
                ended: 10,
                looking: None,
            };
            let page = self.overview(query);
            assert_ne!(
                page.revision, revision,
                "nothing changed for a minute: {page:#?}"
            );
            if wanted(&page) {
                return page;
            }
            revision = page.revision;
        }
    }

    #[track_caller]
    fn grid(&self, query: GridQuery) -> GridPage {
        match self.ask(Request::Grid(query)) {
            Ok(Reply::Grid(page)) => *page,
            other => unexpected(&other),
        }
    }

    #[track_caller]
    fn fold(&self, run: u64, mask: bool) -> FoldPage {
        let query = FoldQuery {
            run: RunId(run),
            mask,
            ..FoldQuery::default()
        };
        match self.ask(Request::Fold(query)) {
            Ok(Reply::Fold(page)) => *page,
            other => unexpected(&other),
        }
    }

    #[track_caller]
    fn lines(&self, query: LinesQuery) -> LinesPage {
        match self.ask(Request::Lines(query)) {
            Ok(Reply::Lines(page)) => *page,
            other => unexpected(&other),
        }
    }

    #[track_caller]
    fn search(&self, run: u64, text: &str, host: Option<u32>) -> SearchPage {
        let query = SearchQuery {
            run: RunId(run),
            text: text.to_owned(),
            host,
            limit: 100,
        };
        match self.ask(Request::Search(query)) {
            Ok(Reply::Found(page)) => *page,
            other => unexpected(&other),
        }
    }

    #[track_caller]
    fn inventory(&self, query: InventoryQuery) -> InventoryPage {
        match self.ask(Request::Inventory(query)) {
            Ok(Reply::Inventory(page)) => *page,
            other => unexpected(&other),
        }
    }
}

#[track_caller]
fn unexpected(other: &impl Debug) -> ! {
    panic!("not the answer to this question: {other:?}")
}

fn text(page: &LinesPage) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    page.lines.iter().map(|line| text(&line.bytes)).collect()
}

#[test]
fn the_first_screen_changes_when_a_run_starts_ends_and_when_somebody_looks_at_it() {
    let rig = Rig::new();
    let console = Console::new(&rig);
    let empty = console.overview_when(|_| true);
    assert_eq!((empty.open.len(), empty.ended_total), (0, 0));
    assert_eq!(empty.people.len(), 1);
    assert!(empty.people[0].you, "{:?}", empty.people);

    let host = lend();
    let file = format!("/root/{}", unique("go"));
    let id = rig.detach(
        &host,
        &[],
        &format!("while [ ! -e {file} ]; do sleep 0.05; done"),
    );
    let open = console.overview_when(|page| !page.open.is_empty());
    assert_eq!(open.open[0].run, RunId(id));
    assert_eq!(open.engine.runs, 1);

    let other = Console::new(&rig);
    other.overview(OverviewQuery {
        looking: Some(RunId(id)),
        ..OverviewQuery::default()
    });
    let seen = console.overview_when(|page| page.people.iter().any(|one| one.looking.is_some()));
    let looker = seen.people.iter().find(|one| !one.you).unwrap();
    assert_eq!(looker.looking, Some(RunId(id)));
    drop(other);
    console.overview_when(|page| page.people.len() == 1);

    fleet().sh(&host, &format!("touch {file}"));
    let over = console.overview_when(|page| page.open.is_empty());
    assert_eq!(over.ended_total, 1);
    assert_eq!(over.ended[0].state, "succeeded");

    // A later engine knows it from the store.
    rig.conn.run(["engine", "stop"]).expect_success();
    let later = Console::new(&rig).overview_when(|_| true);
    assert_eq!(later.ended_total, 1);
    assert_eq!(later.ended[0].run, RunId(id));
}

#[test]
fn a_grid_shows_the_worst_first_and_only_what_is_asked_for() {
    let rig = Rig::new();
    let console = Console::new(&rig);
    let command = "case $(hostname) in *03) echo no room >&2; exit 3;; *05) kill -TERM $$;; esac";
    let id = rig.detach("web[01-08]", &[], command);
    rig.wait_end(id);
    let query = GridQuery {
        run: RunId(id),
        signs: (0, 100),
        rows: (1, 2),
        at: Some(2),
        ..GridQuery::default()
    };
    let page = console.grid(query.clone());
    assert_eq!(page.signs, "XS++++++");
    assert_eq!(page.matched, 8);
    let rows: Vec<&str> = page.rows.iter().map(|row| row.host.as_str()).collect();
    assert_eq!(rows, ["web05", "web01"]);
    assert_eq!(page.place, Some(0));
    assert_eq!(page.host.unwrap().outcome, Some(Outcome::Failed(3)));
    assert_eq!(page.times.count, 8);
    let causes: Vec<(&str, &str)> = page
        .causes
        .iter()
        .map(|cause| (cause.hosts.as_str(), cause.line.as_str()))
        .collect();
    assert!(causes.contains(&("web03", "no room")), "{causes:?}");
    assert_eq!(page.causes.len(), 2);
    assert!(
        page.timeline.last().unwrap().what.contains("ended"),
        "{:?}",
        page.timeline
    );
    let filtered = console.grid(GridQuery {
        filter: "state:ok !08".to_owned(),
        sort: Sort::Name,
        signs: (4, 2),
        ..query
    });
    assert_eq!((filtered.matched, filtered.signs_from), (5, 3));
    assert_eq!(filtered.signs, "++");
    assert_eq!(filtered.place, None);
    let wrong = console.refused(Request::Grid(GridQuery {
        run: RunId(id),
        filter: "~(".to_owned(),
        ..GridQuery::default()
    }));
    assert!(wrong.contains("no regular expression"), "{wrong}");
}

#[test]
fn any_window_of_a_long_output_is_that_part_of_what_was_written() {
    let rig = Rig::with_settings("[run]\noutput_disk = \"64MiB\"\n");
    let console = Console::new(&rig);
    // 20 MB.
    let command = "seq -f 'line %08.0f of a long output' 1 640000";
    let id = rig.detach("web01", &[], command);
    rig.wait_end(id);
    let written = |number: u64| format!("line {:08} of a long output", number + 1);
    let window = |from: Option<u64>, count: u32| {
        console.lines(LinesQuery {
            run: RunId(id),
            host: 0,
            from,
            count,
            ..LinesQuery::default()
        })
    };
    let last = window(None, 10);
    assert_eq!(
        (last.total, last.from, last.lines.len()),
        (640_000, 639_990, 10)
    );
    assert!(last.whole);
    for from in [0, 1, 4_321, 299_990, 638_000] {
        let page = window(Some(from), 2000);
        assert_eq!((page.from, page.lines.len()), (from, 2000));
        let wanted: Vec<String> = (from..from + 2000).map(written).collect();
        assert_eq!(text(&page), wanted);
    }
    // Every byte, read window by window.
    let mut all = Vec::new();
    let mut from = 0;
    while from < last.total {
        let page = window(Some(from), 2000);
        from += page.lines.len() as u64;
        all.extend(text(&page));
    }
    all.retain(|line| line != "end");
    assert!(
        (0..)
            .map(written)
            .zip(&all)
            .all(|(wanted, line)| wanted == *line)
    );
    assert_eq!(all.len(), 640_000);
    let past = window(Some(1 << 40), 10);
    assert_eq!((past.from, past.lines.len()), (640_000, 0));
}

#[test]
fn a_console_is_told_of_each_new_line_and_of_the_end() {
    let rig = Rig::new();
    let console = Console::new(&rig);
    let host = lend();
    let (one, two) = (unique("/root/one"), unique("/root/two"));
    let until = |file: &str| format!("while [ ! -e {file} ]; do sleep 0.05; done");
    let command = format!(
        "echo first; {}; printf half; {}; echo ' done'",
        until(&one),
        until(&two)
    );
    let id = rig.detach(&host, &[], &command);
    let mut page = LinesPage::default();
    let mut next = |wanted: &[&str]| {
        while text(&page) != wanted {
            let before = page.revision;
            page = console.lines(LinesQuery {
                run: RunId(id),
                count: 10,
                seen: Some(page.total),
                revision: before,
                wait_ms: LONG,
                ..LinesQuery::default()
            });
            assert_ne!(page.revision, before, "nothing new for a minute: {page:?}");
        }
        page.whole
    };
    next(&["first"]);
    fleet().sh(&host, &format!("touch {one}"));
    assert!(!next(&["first", "half"]));
    fleet().sh(&host, &format!("touch {two}"));
    next(&["first", "half done"]);
    rig.wait_end(id);
    let end = console.lines(LinesQuery {
        run: RunId(id),
        count: 10,
        ..LinesQuery::default()
    });
    assert!(end.whole);
}

#[test]
fn a_search_counts_what_grep_counts_and_its_hits_are_those_lines() {
    let rig = Rig::new();
    let console = Console::new(&rig);
    let id = rig.detach(
        "web[01-04]",
        &[],
        "seq 1 20000; echo 'An ERROR' >&2; hostname",
    );
    rig.wait_end(id);
    let numbers: Vec<String> = (1..=20_000).map(|n| n.to_string()).collect();
    let grep = |text: &str| numbers.iter().filter(|line| line.contains(text)).count() as u64;
    for needle in ["777", "0", "19999"] {
        let page = console.search(id, needle, Some(1));
        let of_name = u64::from(needle == "0"); // web02
        assert_eq!(page.lines, grep(needle) + of_name, "{needle}");
        assert_eq!(page.hosts, 1);
        for hit in page.hits.iter().take(20) {
            let page = console.lines(LinesQuery {
                run: RunId(id),
                host: hit.host,
                from: Some(hit.line),
                count: 1,
                ..LinesQuery::default()
            });
            assert_eq!(page.lines[0].bytes, hit.bytes);
        }
    }
    let all = console.search(id, "~^7+$", None);
    assert_eq!((all.lines, all.hosts), (16, 4));
    let order: Vec<(u32, u64)> = all.hits.iter().map(|hit| (hit.host, hit.line)).collect();
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(console.search(id, "an error", None).lines, 4);
    assert_eq!(console.search(id, "An error", None).lines, 0);
    let own = console.search(id, "web03", None);
    assert_eq!((own.lines, own.hits[0].name.as_str()), (1, "web03"));
}

#[test]
fn hosts_are_folded_by_what_they_wrote_while_others_are_at_work() {
    let rig = Rig::new();
    let console = Console::new(&rig);
    let host = lend();
    let file = unique("/root/go");
    let command = format!(
        "case $(hostname) in {host}) while [ ! -e {file} ]; do sleep 0.05; done;; \
         *02) echo broken; exit 1;; *) echo I am $(hostname), process $$;; esac"
    );
    let id = rig.detach(&format!("web[01-05],{host}"), &[], &command);
    let query = GridQuery {
        run: RunId(id),
        wait_ms: LONG,
        ..GridQuery::default()
    };
    let mut view = console.grid(query.clone()).view;
    while view.tally.ended_all() < 5 {
        let revision = view.revision;
        view = console
            .grid(GridQuery {
                revision,
                ..query.clone()
            })
            .view;
    }
    let plain = console.fold(id, false);
    assert_eq!(plain.groups.len(), 6);
    assert_eq!(plain.groups[0].hosts, "web02");
    let last = plain.groups.last().unwrap();
    assert_eq!(
        (last.hosts.as_str(), last.outcome.as_ref()),
        (host.as_str(), None)
    );
    let masked = console.fold(id, true);
    assert_eq!(masked.groups.len(), 3);
    assert_eq!(masked.main, Some(1));
    assert_eq!(masked.groups[1].hosts, "web[01,03-05]");
    assert_eq!(masked.groups[1].count, 4);
    fleet().sh(&host, &format!("touch {file}"));
    rig.wait_end(id);
}

#[test]
fn the_inventory_lists_groups_and_counts_what_is_typed() {
    let rig = Rig::new();
    let toml = "[groups.web]\nmembers = \"web[01-03]\"\n[groups.db]\nmembers = \"db[1-2]\"\n";
    std::fs::write(rig.conn.home().join("config/inventory.toml"), toml).unwrap();
    let console = Console::new(&rig);
    let all = console.inventory(InventoryQuery {
        count: 2,
        ..InventoryQuery::default()
    });
    assert_eq!((all.total, all.hosts.len()), (5, 2));
    let groups: Vec<(&str, u32)> = all
        .groups
        .iter()
        .map(|group| (group.name.as_str(), group.count))
        .collect();
    assert_eq!(groups, [("@web", 3), ("@db", 2)]);
    let typed = |targets: &str| InventoryQuery {
        targets: targets.to_owned(),
        ..InventoryQuery::default()
    };
    let many = console.inventory(typed("n[1-100000]!n7,@db"));
    assert_eq!(many.total, 100_001);
    assert_eq!(many.folded, "db[1-2],n[1-6,8-100000]");
    let wrong = console.refused(Request::Inventory(typed("@nobody")));
    assert!(wrong.contains("nobody"), "{wrong}");
    rig.report("web01", &[], "true");
    let seen = console.inventory(InventoryQuery {
        filter: "web01".to_owned(),
        count: 9,
        ..InventoryQuery::default()
    });
    assert_eq!(seen.hosts.len(), 1);
    let last = seen.hosts[0].last.as_ref().unwrap();
    assert_eq!(last.outcome, Some(Outcome::Ok));
}

#[test]
fn a_start_that_would_mean_more_hosts_than_were_shown_is_refused() {
    let rig = Rig::new();
    let console = Console::new(&rig);
    let start = |shown| {
        Request::Start(Box::new(StartRun {
            targets: "web[01-02]".to_owned(),
            command: "true".to_owned(),
            ssh_config: Some(fleet().ssh_config().display().to_string()),
            shown: Some(shown),
            ..StartRun::default()
        }))
    };
    let said = console.refused(start(1));
    assert!(said.contains("means 2 now"), "{said}");
    assert!(matches!(console.ask(start(2)), Ok(Reply::Started { .. })));
}

#[test]
fn a_failure_that_somebody_knows_of_says_so_and_is_on_record() {
    let rig = Rig::new();
    let console = Console::new(&rig);
    let id = rig.detach("web01", &[], "exit 3");
    rig.wait_end(id);
    let ended = || {
        let overview = console.overview(OverviewQuery {
            ended: 5,
            ..OverviewQuery::default()
        });
        overview
            .ended
            .into_iter()
            .find(|line| line.run.0 == id)
            .unwrap()
    };
    assert_eq!(ended().acked, None);
    let known = |known| Request::Acknowledge {
        run: RunId(id),
        known,
    };
    assert!(matches!(console.ask(known(true)), Ok(Reply::Done)));
    assert!(ended().acked.is_some());
    let audit = rig.conn.run(["audit", "--json"]).expect_success();
    let audit = String::from_utf8_lossy(&audit.stdout);
    assert!(audit.contains("acknowledge"), "{audit}");
    assert!(matches!(console.ask(known(false)), Ok(Reply::Done)));
    assert_eq!(ended().acked, None);
    let nobody = Request::Acknowledge {
        run: RunId(id + 100),
        known: true,
    };
    assert!(console.refused(nobody).contains("there is no run"));
}
