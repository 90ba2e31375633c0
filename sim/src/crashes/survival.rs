//! What a crash leaves.

use std::fmt;

use super::Point;
use super::bench::{Bench, Hands};
use super::script::properties;
use crate::chance::{Chance, Odds, Stream};
use crate::disk::{Disk, Losses, PowerLoss, Survival, file_of};
use ottla_core::boundary::{FileId, StorageCommand};
use ottla_core::planted::Bugs;

/// Of a start that is interrupted no more than so many commands are done.
const COMMANDS_OF_A_START: usize = 100;

/// What survives of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// The process ends, and the page cache goes on.
    Kill,
    /// The same, and of the commands that waited some later ones were done already.
    KillAmongOthers,
    /// The same, and half of an append was done.
    KillMidway,
    /// Nothing.
    Nothing,
    /// All data and names; but commands that waited did not happen.
    Everything,
    /// Names of files, without a byte in them.
    NamesAlone,
    /// What is in files, without new names.
    DataAlone,
    /// Names and lengths, with zeros for data.
    LengthsAlone,
    /// Of each file the last sector that was written, and names.
    LastSectors,
    /// The first sectors, and any names.
    FirstSectors,
    /// Any sectors and any names.
    Subset,
    /// The same, with others of them.
    OtherSubset,
    /// Any pages and names, and commands that waited were done out of order.
    SubsetAmongOthers,
    /// All data, and of each directory the last change of names.
    LastNames,
    /// All but one bit of a log; and what was known to be synced is not known any more.
    Rot,
    /// The same, and of the metadata only what was there before.
    RotAndOldMetadata,
    /// The process ends, and the power goes when the next start has just taken a segment away, or is anywhere if it takes
    /// none: all data, and of each directory the last change of names.
    LastNamesOfTheNextStart,
}

impl Pattern {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Kill,
        Self::KillAmongOthers,
        Self::KillMidway,
        Self::Nothing,
        Self::Everything,
        Self::NamesAlone,
        Self::DataAlone,
        Self::LengthsAlone,
        Self::LastSectors,
        Self::FirstSectors,
        Self::Subset,
        Self::OtherSubset,
        Self::SubsetAmongOthers,
        Self::LastNames,
        Self::Rot,
        Self::RotAndOldMetadata,
        Self::LastNamesOfTheNextStart,
    ];

    /// Whether the page cache is lost.
    pub fn is_power_loss(self) -> bool {
        !matches!(self, Self::Kill | Self::KillAmongOthers | Self::KillMidway) && !self.is_rot()
    }

    /// Whether something is bad that was synced.
    pub fn is_rot(self) -> bool {
        matches!(self, Self::Rot | Self::RotAndOldMetadata)
    }

    /// The pattern that is called so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pattern| format!("{pattern:?}") == name)
    }

    /// The disk after the crash.
    pub(super) fn of(self, point: &Point, bugs: Bugs) -> (Disk, Losses) {
        let seed = point.number as u64 * 100 + self as u64;
        let chance = &mut Chance::new(seed, Stream::Disk);
        let mut hands = point.hands.clone();
        match self {
            Self::KillAmongOthers | Self::SubsetAmongOthers => do_some_of_the_others(&mut hands, chance),
            Self::KillMidway => {
                if let Some((_, command)) = hands.take_next() {
                    hands.append_half(&command);
                }
            }
            _ => {}
        }
        let mut disk = hands.disk;
        let power = |survival, tears| PowerLoss { survival, tears };
        let losses = match self {
            Self::Kill | Self::KillAmongOthers | Self::KillMidway | Self::Rot | Self::RotAndOldMetadata => {
                Losses::default()
            }
            Self::Nothing => disk.lose_power(power(Survival::Nothing, false), chance),
            Self::Everything => disk.lose_power_but_for(power(Survival::Everything, false), |_, _| true, chance),
            Self::NamesAlone => disk.lose_power_but_for(power(Survival::Nothing, false), |_, _| true, chance),
            Self::DataAlone => disk.lose_power_but_for(power(Survival::Everything, false), |_, _| false, chance),
            Self::LengthsAlone => disk.lose_power_but_for(power(Survival::SizeAlone, false), |_, _| true, chance),
            Self::LastSectors => disk.lose_power_but_for(power(Survival::Last, true), |_, _| true, chance),
            Self::FirstSectors => disk.lose_power(power(Survival::Prefix, true), chance),
            Self::Subset | Self::OtherSubset => disk.lose_power(power(Survival::Subset, true), chance),
            Self::SubsetAmongOthers => disk.lose_power(power(Survival::Subset, false), chance),
            Self::LastNames => {
                disk.lose_power_but_for(power(Survival::Everything, false), |_, is_last| is_last, chance)
            }
            Self::LastNamesOfTheNextStart => {
                disk = amid_the_next_start(disk, point, bugs, chance);
                disk.lose_power_but_for(power(Survival::Everything, false), |_, is_last| is_last, chance)
            }
        };
        (disk, losses)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A start that has just taken a segment away; where it takes none, one that has done some of what it does.
fn amid_the_next_start(disk: Disk, point: &Point, bugs: Bugs, chance: &mut Chance) -> Disk {
    let mut somewhere = disk.clone();
    let mut left = chance.index(COMMANDS_OF_A_START);
    let mut bench = Bench::start(disk, &properties(), bugs, point.now.wall);
    while let Some(command) = bench.hands.next() {
        let takes_segment = matches!(command, StorageCommand::Remove { path } if path.relative.ends_with(".log"));
        bench.do_next();
        if takes_segment {
            return bench.hands.disk;
        }
        if left == 0 {
            somewhere = bench.hands.disk.clone();
        }
        left = left.wrapping_sub(1);
    }
    somewhere
}

/// Of the commands that wait behind the first some were done: those on one file in their order, others in any.
fn do_some_of_the_others(hands: &mut Hands, chance: &mut Chance) {
    let waiting = std::mem::take(&mut hands.queue);
    let mut held_up: Vec<FileId> = Vec::new();
    let mut is_first = true;
    for (_, command) in waiting {
        let file = file_of(&command);
        let is_held_up = is_first || file.is_some_and(|file| held_up.contains(&file));
        is_first = false;
        if is_held_up || chance.happens(Odds::percent(40)) {
            held_up.extend(file);
        } else {
            let _ = hands.execute(&command);
        }
    }
}
