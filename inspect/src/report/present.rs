//! The flags that say what a report looks like, and what the terminal says to that.

use std::io::Write;

use clap::{Args, ValueEnum};
use console::Term;

use super::Report;
use super::json::JsonReport;
use super::text::{Look, TextReport};

/// What the output looks like.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Presentation {
    /// Write JSON for programs, one object a line
    #[arg(long)]
    pub json: bool,

    /// Shorten nothing, neither long hex nor long texts
    #[arg(long)]
    pub full: bool,

    /// Use colours
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub color: ColorChoice,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Into files as well
    Always,
    /// Not at all
    Never,
}

impl ColorChoice {
    fn decide(self, is_terminal: bool, no_color: bool, is_dumb: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => is_terminal && !no_color && !is_dumb,
        }
    }
}

impl Presentation {
    /// A report that is written to `out`, which is standard output in some wrapping.
    pub fn report<'a>(&self, out: impl Write + 'a) -> Report<'a> {
        if self.json { Report::new(JsonReport::new(out)) } else { Report::new(TextReport::new(out, self.look())) }
    }

    fn look(&self) -> Look {
        let terminal = Term::stdout();
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let size = terminal.size_checked().filter(|_| terminal.is_term());
        Look {
            // Without --full no line is wrapped; with it, that is what was asked for.
            width: size.map(|(_, columns)| usize::from(columns)).filter(|columns| *columns > 0 && !self.full),
            color: self.color.decide(terminal.is_term(), is_set("NO_COLOR"), is_dumb),
            full: self.full,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ColorChoice;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        assert!(ColorChoice::Auto.decide(true, false, false));
        assert!(!ColorChoice::Auto.decide(false, false, false));
        assert!(!ColorChoice::Auto.decide(true, true, false));
        assert!(!ColorChoice::Auto.decide(true, false, true));
        assert!(ColorChoice::Always.decide(false, true, true));
        assert!(!ColorChoice::Never.decide(true, false, false));
    }
}
