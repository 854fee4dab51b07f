//! The form: fields above, the plan below.

use super::param::ParamField;
use super::{FlowForm, Part};
use crate::flow::plan::Does;
use crate::flow::rollout::OnExceeded;
use crate::run::spec::Lease;
use crate::tui::canvas::Canvas;
use crate::tui::pane::Context;
use crate::tui::theme::Role;
use crate::tui::words::{count, counted, plain, span};
use crate::wire::flows::{HeldBy, Preview, StageLine};

/// Where fields begin.
const FIELD: u16 = 14;

impl FlowForm {
    pub(super) fn draw_form(
        &mut self,
        canvas: &mut Canvas,
        context: &Context,
    ) -> Option<(u16, u16)> {
        canvas.clear();
        let (width, height) = (canvas.width(), canvas.height());
        let title = match self.of {
            Some(run) => format!("START AGAIN RUN {run}"),
            None => format!("START {}", plain(&self.name)),
        };
        canvas.text(2, 0, Role::Title, &title);
        if let Some(Ok(flow)) = &self.flow {
            let x = 4 + u16::try_from(title.len()).unwrap_or(0);
            let about = plain(flow.about.as_deref().unwrap_or(""));
            canvas.clipped(x, 0, width.saturating_sub(x + 14), Role::Dim, &about);
        }
        if !context.environment.is_empty() {
            let word = format!(" {} ", context.environment.to_uppercase());
            canvas.right(2, 0, Role::Alarm, &word);
        }
        let line = canvas
            .form("-", "─")
            .repeat(usize::from(width.saturating_sub(4)));
        canvas.text(2, 1, Role::Line, &line);
        let mut cursor = None;
        let y = self.draw_hosts(canvas, 2, &mut cursor);
        let suggestions = self.suggestions(context);
        // The plan keeps some rows, whatever is asked above it.
        let room = height.saturating_sub(y + if height < 18 { 4 } else { 8 });
        let y = self.draw_params(canvas, (y, room), &mut cursor);
        let room = (width.saturating_sub(3), if height < 18 { 1 } else { 3 });
        let below = match (&self.wrong, self.clipped_beside(width)) {
            (Some(why), _) => canvas.wrapped((2, y), room, Role::Failed, &plain(why)),
            // Beside the field there was no room for it.
            (None, Some((role, words))) if height >= 18 => {
                canvas.wrapped((2, y), room, role, &words)
            }
            _ => y,
        };
        let y = below.max(y + u16::from(height >= 18));
        if self.choosing.is_on() {
            self.choosing.draw(canvas, y, &suggestions);
        } else {
            self.draw_plan(&mut canvas.below(y));
        }
        cursor
    }

    fn label(&self, canvas: &mut Canvas, y: u16, part: Part, word: &str) {
        let here = self.at == part;
        canvas.text(1, y, Role::Key, if here { ">" } else { " " });
        let role = if here { Role::Title } else { Role::Dim };
        canvas.clipped(2, y, FIELD - 3, role, word);
    }

    fn draw_hosts(&self, canvas: &mut Canvas, y: u16, cursor: &mut Option<(u16, u16)>) -> u16 {
        if !self.needs_hosts() {
            return y;
        }
        self.label(canvas, y, Part::Hosts, "hosts");
        let room = field_room(canvas.width());
        let (x, _) = self
            .hosts
            .draw(&mut canvas.part(FIELD, y, room, 1), Role::Text);
        if self.at == Part::Hosts {
            *cursor = Some((FIELD + x, y));
        }
        let (role, words) = self.hosts_words();
        beside(canvas, y, role, &words);
        y + 1
    }

    /// What is said of the field under the cursor, when there is no room for it beside that.
    fn clipped_beside(&self, width: u16) -> Option<(Role, String)> {
        let (role, words) = match self.at {
            Part::Hosts if self.needs_hosts() => self.hosts_words(),
            Part::Param(at) => param_words(self.params.get(at)?),
            _ => return None,
        };
        (words.chars().count() > usize::from(beside_room(width))).then_some((role, words))
    }

    fn hosts_words(&self) -> (Role, String) {
        match self.known_hosts() {
            None if self.targets().is_empty() => {
                (Role::Dim, "required   names, web[01-20], @group".to_owned())
            }
            None => (Role::Dim, "looking…".to_owned()),
            Some(Ok(page)) => {
                let unknown = match page.unknown {
                    0 => String::new(),
                    many => format!(", {} not in the inventory", count(many)),
                };
                let words = format!(
                    "{}{unknown}   {}",
                    counted(page.total, "host"),
                    plain(&page.folded)
                );
                let role = if page.unknown > 0 {
                    Role::Stderr
                } else {
                    Role::Ok
                };
                (role, words)
            }
            Some(Err(why)) => (Role::Failed, plain(why)),
        }
    }

    fn draw_params(
        &mut self,
        canvas: &mut Canvas,
        (first, room): (u16, u16),
        cursor: &mut Option<(u16, u16)>,
    ) -> u16 {
        match &self.flow {
            None => {
                canvas.text(2, first, Role::Dim, "Asking the engine…");
                return first + 1;
            }
            Some(Err(why)) => {
                let room = (canvas.width().saturating_sub(3), 4);
                return canvas.wrapped((2, first), room, Role::Failed, &plain(why));
            }
            Some(Ok(_)) => {}
        }
        let rows = usize::from(room.max(1));
        if let Part::Param(at) = self.at {
            self.top = self.top.clamp((at + 1).saturating_sub(rows), at);
        }
        let last = self.params.len().saturating_sub(rows);
        self.top = self.top.min(last);
        let mut y = first;
        for (at, param) in self.params.iter().enumerate().skip(self.top).take(rows) {
            let part = Part::Param(at);
            self.label(canvas, y, part, &param.name);
            let room = field_room(canvas.width());
            let x = if param.is_hidden() {
                let stars = "*".repeat(param.field.text().chars().count());
                canvas.clipped(FIELD, y, room, Role::Text, &stars) - FIELD
            } else {
                let mut place = canvas.part(FIELD, y, room, 1);
                param.field.draw(&mut place, Role::Text).0
            };
            if param.field.is_empty()
                && let Some(default) = param.default()
            {
                canvas.clipped(FIELD, y, room, Role::Dim, &plain(&default));
            }
            if self.at == part {
                *cursor = Some((FIELD + x, y));
            }
            let (role, words) = param_words(param);
            beside(canvas, y, role, &words);
            y += 1;
        }
        let hidden = self.params.len().saturating_sub(rows);
        if hidden > 0 {
            let words = format!("{hidden} more");
            canvas.right(1, first, Role::Mark, &words);
        }
        y
    }

    fn draw_plan(&mut self, canvas: &mut Canvas) {
        let usual = self
            .known()
            .and_then(|said| said.as_ref().ok())
            .and_then(|preview| {
                let (took, of) = preview.took?;
                Some(format!(
                    "about {} (median of {})",
                    span(took),
                    counted(of, "run")
                ))
            });
        canvas.rule(
            0,
            "plan: nothing is started yet",
            &usual.unwrap_or_default(),
        );
        if self.at == Part::Plan {
            canvas.text(1, 0, Role::Key, ">");
        }
        let width = canvas.width().saturating_sub(2);
        let lines = match self.known() {
            Some(Ok(preview)) => lines(preview, usize::from(width.saturating_sub(10))),
            Some(Err(why)) => why
                .lines()
                .map(|line| (Role::Failed, "", line.to_owned()))
                .collect(),
            None => {
                canvas.wrapped((1, 1), (width, 2), Role::Dim, self.lacks());
                Vec::new()
            }
        };
        let room = usize::from(canvas.height().saturating_sub(1));
        let last = u16::try_from(lines.len().saturating_sub(room)).unwrap_or(u16::MAX);
        self.plan_top = self.plan_top.min(last);
        for (y, (role, label, text)) in (1..).zip(lines.iter().skip(usize::from(self.plan_top))) {
            if y > u16::try_from(room).unwrap_or(u16::MAX) {
                break;
            }
            canvas.text(1, y, Role::Dim, label);
            let x = if label.is_empty() && *role == Role::Failed {
                1
            } else {
                11
            };
            canvas.clipped(x, y, width.saturating_sub(x), *role, &plain(text));
        }
    }

    fn lacks(&self) -> &'static str {
        if self.needs_hosts() && self.targets().is_empty() {
            "Say which hosts, and what would happen stands here."
        } else if self.plan().is_none() {
            "Fill in what is required or wrong, and what would happen stands here."
        } else {
            "working it out…"
        }
    }
}

fn field_room(width: u16) -> u16 {
    (width.saturating_sub(FIELD) / 2).min(60)
}

fn beside_room(width: u16) -> u16 {
    width.saturating_sub(FIELD + field_room(width) + 2)
}

/// What is said of a field, on its right.
fn beside(canvas: &mut Canvas, y: u16, role: Role, words: &str) {
    let x = FIELD + field_room(canvas.width()) + 1;
    canvas.clipped(x, y, beside_room(canvas.width()), role, words);
}

fn param_words(param: &ParamField) -> (Role, String) {
    let (wrong, words) = param.words();
    let role = match (wrong, param.field.is_empty() && param.is_required()) {
        (true, _) => Role::Failed,
        (false, true) => Role::Accent,
        _ => Role::Dim,
    };
    (role, words)
}

/// `1, 5, 385 x4, 383`.
pub(super) fn sizes(preview: &Preview) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = preview.sizes.as_slice();
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|size| *size == first).count();
        words.push(match same {
            1 => count(*first),
            _ => format!("{} x{same}", count(*first)),
        });
        rest = &rest[same..];
    }
    let told = u32::try_from(preview.sizes.len()).unwrap_or(u32::MAX);
    if preview.batch_count > told {
        words.push(format!("and {} more", count(preview.batch_count - told)));
    }
    let batches = if preview.batch_count == 1 {
        "batch"
    } else {
        "batches"
    };
    format!(
        "{} {batches}: {}",
        count(preview.batch_count),
        words.join(", ")
    )
}

/// `run 12 (kim has the conn) works on 3 of them: web[01-03]`.
pub(super) fn held_words(held: &HeldBy) -> String {
    let who = held.holder.as_deref().unwrap_or("nobody");
    format!(
        "run {} ({} has the conn) works on {} of them: {}",
        held.run,
        plain(who),
        count(held.count),
        plain(&held.hosts)
    )
}

/// What a step does, in one line.
pub(super) fn does(does: &Does) -> String {
    match does {
        Does::Exec {
            command, run_as, ..
        } => match run_as {
            Some(user) => format!("as {user}: {command}"),
            None => command.clone(),
        },
        Does::Local { command, .. } => format!("here: {command}"),
        Does::Push { source, dest, .. } => format!("push {source} to {dest}"),
        Does::Pull { source, dest } => format!("pull {source} to {dest}"),
        Does::Http { url, .. } => format!("http {url}"),
        Does::Metrics { query, .. } => format!("metrics {query}"),
        Does::Approve { text, .. } => {
            format!("asks a person: {}", text.as_deref().unwrap_or("go on?"))
        }
        Does::Wait { seconds } => format!("waits {}", span(*seconds)),
        Does::Tree { name } => format!("tree {name}"),
    }
}

type PlanLine = (Role, &'static str, String);

/// `clusters cluster-a: UpgradeRegionServer on 1,930 hosts, 7 batches, gate …, soak 30m`.
pub(super) fn stage_words(stage: &StageLine) -> String {
    let item = stage.item.as_ref();
    let item = item.map_or_else(String::new, |item| format!(" {}", plain(item)));
    let hosts = counted(stage.hosts, "host");
    let mut words = vec![format!(
        "{}{item}: {} on {hosts}",
        plain(&stage.stage),
        plain(&stage.does)
    )];
    match (stage.stages, stage.batches) {
        (0, 0 | 1) => {}
        (0, batches) => words.push(format!("{} batches", count(batches))),
        (stages, _) => words.push(counted(stages, "stage")),
    }
    words.extend(stage.approve.then(|| "asks first".to_owned()));
    let gate = stage.gate.as_ref();
    words.extend(gate.map(|gate| format!("gate {}", plain(gate))));
    if stage.soak > 0.0 {
        words.push(format!("soak {}", span(stage.soak)));
    }
    words.join(", ")
}

fn of_stages(preview: &Preview) -> Vec<PlanLine> {
    let (hosts, runs) = (preview.hosts, preview.stage_count);
    let words = format!("{} in {}", counted(hosts, "host"), counted(runs, "run"));
    let mut lines = vec![(Role::Text, "hosts", words)];
    for stage in &preview.stages {
        let after = if stage.needs.is_empty() {
            String::new()
        } else {
            format!("   after {}", stage.needs.join(", "))
        };
        let words = format!("{}{after}", stage_words(stage));
        lines.push((Role::Text, "stage", words));
    }
    for held in &preview.held {
        lines.push((Role::Stderr, "leases", held_words(held)));
    }
    let warnings = preview.warnings.iter();
    lines.extend(warnings.map(|warning| (Role::Stderr, "!", warning.clone())));
    lines
}

/// What a flow would do, line by line, each under what it is about.
pub(in crate::tui) fn plan_lines(preview: &Preview) -> Vec<(&'static str, String)> {
    let lines = lines(preview, usize::MAX).into_iter();
    lines.map(|(_, label, text)| (label, text)).collect()
}

fn lines(preview: &Preview, room: usize) -> Vec<PlanLine> {
    if preview.stage_count > 0 {
        return of_stages(preview);
    }
    let mut lines = vec![(Role::Text, "batches", rollout(preview))];
    let steps: Vec<&str> = preview
        .steps
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    let gate = preview.gate.as_ref();
    let gate = gate.map_or_else(String::new, |gate| format!("   gate: {gate}"));
    lines.push((Role::Text, "steps", format!("{}{gate}", steps.join(" > "))));
    if preview.lease == Lease::Shared {
        lines.push((
            Role::Dim,
            "leases",
            "shared: it waits for nobody".to_owned(),
        ));
    } else if preview.held.is_empty() {
        lines.push((
            Role::Dim,
            "leases",
            "none of these hosts is held".to_owned(),
        ));
    }
    for held in &preview.held {
        lines.push((Role::Stderr, "leases", held_words(held)));
    }
    for warning in &preview.warnings {
        lines.push((Role::Stderr, "!", warning.clone()));
    }
    let host = preview.steps.first().map_or("", |step| &*step.host);
    let first = preview
        .batches
        .first()
        .map_or("", |batch| batch.hosts.as_str());
    let named = if first == host {
        host.to_owned()
    } else {
        format!("{first}   as on {host}:")
    };
    lines.push((
        Role::Accent,
        "batch 1",
        crate::tui::words::clip(&named, room, false),
    ));
    for step in &preview.steps {
        let when = match (&step.when, step.task.applies) {
            (Some(_), Some(false)) => " (not here)",
            (Some(_), None) => " (known in the run)",
            _ => "",
        };
        let once = if step.barrier { " (once a batch)" } else { "" };
        let words = format!("{}{when}{once}: {}", step.name, does(&step.task.does));
        lines.push((Role::Text, "", words.replace('\n', " ⏎ ")));
        if let Some(verify) = &step.task.verify {
            let words = format!("  then verify: {}", does(verify));
            lines.push((Role::Dim, "", words.replace('\n', " ⏎ ")));
        }
    }
    lines
}

fn rollout(preview: &Preview) -> String {
    let mut words = vec![sizes(preview)];
    let mut soaks: Vec<f64> = preview.soak.clone();
    soaks.dedup();
    let soaks: Vec<String> = soaks
        .iter()
        .filter(|soak| **soak > 0.0)
        .take(3)
        .map(|soak| span(*soak))
        .collect();
    if !soaks.is_empty() {
        words.push(format!("soak {}", soaks.join(", then ")));
    }
    if let Some(most) = preview.max_failures {
        let then = match preview.on_exceeded {
            OnExceeded::Pause => "pauses",
            OnExceeded::Abort => "aborts",
            OnExceeded::Rollback => "rolls back",
        };
        words.push(format!("{then} over {} failed", count(most)));
    }
    words.join("   ")
}
