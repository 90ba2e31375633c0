//! Names as numbers, in the order in which they came.

use std::collections::HashMap;

use super::{HistoryError, small};
use crate::hash::Fast;

/// Names, or numbers that are used as names.
#[derive(Debug, Default)]
pub(crate) struct Names {
    by_name: HashMap<Box<str>, u32>,
    by_number: HashMap<u64, u32, Fast>,
    names: Vec<Name>,
}

#[derive(Debug)]
enum Name {
    Text(Box<str>),
    Number(u64),
}

impl Names {
    pub(super) fn intern(&mut self, name: &str, what: &'static str) -> Result<u32, HistoryError> {
        if let Some(id) = self.by_name.get(name) {
            return Ok(*id);
        }
        let id = small(self.names.len(), what)?;
        self.by_name.insert(name.into(), id);
        self.names.push(Name::Text(name.into()));
        Ok(id)
    }

    pub(super) fn number(&mut self, number: u64, what: &'static str) -> Result<u32, HistoryError> {
        let id = small(self.names.len(), what)?;
        let known = *self.by_number.entry(number).or_insert(id);
        if known == id {
            self.names.push(Name::Number(number));
        }
        Ok(known)
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn name(&self, id: u32) -> String {
        match self.names.get(id as usize) {
            Some(Name::Text(text)) => text.to_string(),
            Some(Name::Number(number)) => number.to_string(),
            None => format!("#{id}"),
        }
    }
}
