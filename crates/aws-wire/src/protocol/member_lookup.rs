//! From a name on the wire to a member of a structure.

use crate::catalog::{Member, Structure};

/// Finds the members of one structure by name, in about constant time each when they come in the order of the model,
/// as most writers send them: the search begins after the member found before.
#[derive(Debug)]
pub(super) struct MemberLookup<'a> {
    members: &'a [Member],
    next: usize,
    /// For each member, one more than the index of its field; 0 for none yet.
    fields: Fields,
}

/// Room for as many members as most structures have, so that only the others need some of the heap.
const FEW: usize = 24;

#[derive(Debug)]
enum Fields {
    Few([u32; FEW]),
    Many(Vec<u32>),
}

impl Fields {
    fn new(count: usize) -> Self {
        if count <= FEW { Self::Few([0; FEW]) } else { Self::Many(vec![0; count]) }
    }

    fn get_mut(&mut self, index: usize) -> Option<&mut u32> {
        match self {
            Self::Few(fields) => fields.get_mut(index),
            Self::Many(fields) => fields.get_mut(index),
        }
    }
}

/// A member that was found.
pub(super) struct Found<'a> {
    /// Index in the structure.
    pub(super) index: u16,
    /// The member.
    pub(super) member: &'a Member,
    /// Index of the field that already has a value of it.
    pub(super) field: Option<usize>,
}

impl<'a> MemberLookup<'a> {
    pub(super) fn new(structure: Option<&'a Structure>) -> Self {
        let members = structure.map_or(&[][..], |structure| &structure.members);
        Self { members, next: 0, fields: Fields::new(members.len()) }
    }

    /// How many members there are.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// The first member from the last one on that answers to the name. `field` is the index that its field will have
    /// if it has none yet.
    pub(super) fn find(&mut self, field: usize, is_named: impl Fn(&Member) -> bool) -> Option<Found<'a>> {
        let (before, after) = self.members.split_at(self.next);
        let found = after.iter().position(&is_named).map(|at| at + before.len());
        let index = found.or_else(|| before.iter().position(&is_named))?;
        self.next = index + 1;
        let known = self.fields.get_mut(index)?;
        let taken = known.checked_sub(1).map(|field| field as usize);
        if taken.is_none() {
            *known = u32::try_from(field + 1).unwrap_or(0);
        }
        Some(Found { index: u16::try_from(index).ok()?, member: &self.members[index], field: taken })
    }
}
