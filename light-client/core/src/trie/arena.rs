//! The nodes of one trie in one vector, joined by ids.

use alloc::vec::Vec;
use core::num::NonZeroU32;

use alloy_primitives::B256;

use super::{
    KEY_NIBBLES, SparseTrie, TrieError,
    nibbles::Nibbles,
    node::{Child, ChildView, Children, Node, NodeError, NodeId, NodeView, Reference},
};

/// How a walk got to a node: the edge it came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// The trie's root.
    Root,
    /// The child at a nibble of a branch, or the only one of an extension.
    Down(NodeId, u8),
}

/// Nodes by id. Freed places are used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Arena {
    places: Vec<Place>,
    free: Vec<NodeId>,
}

#[derive(Clone, Debug)]
struct Place {
    node: Option<Node>,
    /// When the node was last on a path that was changed or revealed.
    epoch: u64,
}

impl Arena {
    pub(super) fn get(&self, id: NodeId) -> Result<&Node, TrieError> {
        self.places
            .get(index(id))
            .and_then(|place| place.node.as_ref())
            .ok_or(TrieError::Corrupt)
    }

    pub(super) fn get_mut(&mut self, id: NodeId) -> Result<&mut Node, TrieError> {
        self.places
            .get_mut(index(id))
            .and_then(|place| place.node.as_mut())
            .ok_or(TrieError::Corrupt)
    }

    pub(super) fn touch(&mut self, id: NodeId, epoch: u64) -> Result<&mut Node, TrieError> {
        let place = self.places.get_mut(index(id)).ok_or(TrieError::Corrupt)?;
        place.epoch = epoch;
        place.node.as_mut().ok_or(TrieError::Corrupt)
    }

    pub(super) fn epoch(&self, id: NodeId) -> u64 {
        self.places.get(index(id)).map_or(0, |place| place.epoch)
    }

    pub(super) fn insert(&mut self, node: Node, epoch: u64) -> Result<NodeId, TrieError> {
        let place = Place {
            node: Some(node),
            epoch,
        };
        if let Some(id) = self.free.pop() {
            *self.places.get_mut(index(id)).ok_or(TrieError::Corrupt)? = place;
            return Ok(id);
        }
        self.places.push(place);
        u32::try_from(self.places.len())
            .ok()
            .and_then(NonZeroU32::new)
            .map(NodeId)
            .ok_or(TrieError::Corrupt)
    }

    /// Takes a node out and frees its place.
    pub(super) fn remove(&mut self, id: NodeId) -> Result<Node, TrieError> {
        let node = self
            .places
            .get_mut(index(id))
            .and_then(|place| place.node.take())
            .ok_or(TrieError::Corrupt)?;
        self.free.push(id);
        Ok(node)
    }

    /// Closes the gaps once half of the places are free. Ids change, and `root`'s with them.
    pub(super) fn compact(&mut self, root: &mut Option<Child>) -> Result<(), TrieError> {
        if self.free.len() < self.places.len().div_ceil(2) {
            return Ok(());
        }
        let mut moved: Vec<Option<NodeId>> = Vec::with_capacity(self.places.len());
        let mut next = 0_u32;
        for place in &self.places {
            moved.push(match place.node {
                Some(_) => {
                    next = next.saturating_add(1);
                    NonZeroU32::new(next).map(NodeId)
                }
                None => None,
            });
        }
        self.places.retain(|place| place.node.is_some());
        self.places.shrink_to_fit();
        self.free = Vec::new();
        let relink = |child: &mut Child| -> Result<(), TrieError> {
            if let Some(id) = child.node {
                let new = moved.get(index(id)).copied().flatten();
                child.node = Some(new.ok_or(TrieError::Corrupt)?);
            }
            Ok(())
        };
        for place in &mut self.places {
            match &mut place.node {
                Some(Node::Extension { child, .. }) => relink(child)?,
                Some(Node::Branch { children, .. }) => children.iter_mut().try_for_each(relink)?,
                Some(Node::Leaf { .. }) | None => {}
            }
        }
        root.as_mut().map_or(Ok(()), relink)
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.places.iter().filter_map(|place| place.node.as_ref())
    }

    pub(super) const fn capacity_bytes(&self) -> usize {
        self.places
            .capacity()
            .saturating_mul(size_of::<Place>())
            .saturating_add(self.free.capacity().saturating_mul(size_of::<NodeId>()))
    }
}

/// Ids count from one.
fn index(id: NodeId) -> usize {
    usize::try_from(id.0.get().wrapping_sub(1)).unwrap_or(usize::MAX)
}

impl SparseTrie {
    pub(super) fn child(&self, edge: Edge) -> Result<&Child, TrieError> {
        let child = match edge {
            Edge::Root => self.root.as_ref(),
            Edge::Down(parent, nibble) => match self.arena.get(parent)? {
                Node::Leaf { .. } => None,
                Node::Extension { child, .. } => Some(child),
                Node::Branch { children, .. } => children.get(nibble),
            },
        };
        child.ok_or(TrieError::Corrupt)
    }

    pub(super) fn child_mut(&mut self, edge: Edge) -> Result<&mut Child, TrieError> {
        let child = match edge {
            Edge::Root => self.root.as_mut(),
            Edge::Down(parent, nibble) => match self.arena.get_mut(parent)? {
                Node::Leaf { .. } => None,
                Node::Extension { child, .. } => Some(child),
                Node::Branch { children, .. } => children.get_mut(nibble),
            },
        };
        child.ok_or(TrieError::Corrupt)
    }

    /// Puts a node whose bytes are known to be right in place of a blinded one, with all nodes that are inlined in it.
    pub(super) fn graft(
        &mut self,
        edge: Edge,
        depth: usize,
        hash: B256,
        rlp: &[u8],
    ) -> Result<NodeId, TrieError> {
        let invalid = |error| TrieError::Node { hash, error };
        // On 32-byte keys no root is as short as this either.
        if rlp.len() < 32 {
            return Err(invalid(NodeError::TooShort { got: rlp.len() }));
        }
        // Nodes inlined in this one, to any depth: each is shorter than the one around it.
        let mut inlined: Vec<(Edge, usize)> = Vec::new();
        let top = self.graft_one(edge, depth, rlp, hash, &mut inlined)?;
        while let Some((edge, depth)) = inlined.pop() {
            let Reference::Inline { len, bytes } = self.child(edge)?.reference else {
                return Err(TrieError::Corrupt);
            };
            let rlp = bytes.get(..usize::from(len)).ok_or(TrieError::Corrupt)?;
            self.graft_one(edge, depth, rlp, hash, &mut inlined)?;
        }
        Ok(top)
    }

    fn graft_one(
        &mut self,
        edge: Edge,
        depth: usize,
        rlp: &[u8],
        hash: B256,
        inlined: &mut Vec<(Edge, usize)>,
    ) -> Result<NodeId, TrieError> {
        let invalid = |error| TrieError::Node { hash, error };
        let view = NodeView::decode(rlp).map_err(invalid)?;
        let below_extension = match edge {
            Edge::Root => false,
            Edge::Down(parent, _) => matches!(self.arena.get(parent)?, Node::Extension { .. }),
        };
        check_place(&view, depth, below_extension, KEY_NIBBLES).map_err(invalid)?;
        let id = self.arena.insert(own(&view), self.epoch)?;
        self.child_mut(edge)?.node = Some(id);
        let is_inline = |child: &ChildView<'_>| matches!(child, ChildView::Inline(_));
        match &view {
            NodeView::Leaf { .. } => {}
            NodeView::Extension { path, child } => {
                let below = depth.saturating_add(path.len());
                inlined.extend(is_inline(child).then_some((Edge::Down(id, 0), below)));
            }
            NodeView::Branch { children, .. } => {
                let below = depth.saturating_add(1);
                let children = (0_u8..).zip(children);
                let children = children.filter(|(_, child)| is_inline(child));
                inlined.extend(children.map(|(nibble, _)| (Edge::Down(id, nibble), below)));
            }
        }
        Ok(id)
    }
}

/// Checks that a node from outside lies where keys of `nibbles` nibbles can have it.
pub(crate) fn check_place(
    view: &NodeView<'_>,
    depth: usize,
    below_extension: bool,
    nibbles: usize,
) -> Result<(), NodeError> {
    if below_extension && !matches!(view, NodeView::Branch { .. }) {
        return Err(NodeError::ExtensionChild);
    }
    let (end, fits) = match view {
        NodeView::Leaf { path, .. } => {
            let end = depth.saturating_add(path.len());
            (end, end == nibbles)
        }
        NodeView::Extension { path, .. } => {
            let end = depth.saturating_add(path.len());
            (end, end < nibbles)
        }
        NodeView::Branch { value, .. } => (depth, depth < nibbles && value.is_empty()),
    };
    if fits {
        Ok(())
    } else {
        Err(NodeError::Depth { got: end })
    }
}

fn own(view: &NodeView<'_>) -> Node {
    match view {
        NodeView::Leaf { path, value } => Node::Leaf {
            path: Nibbles::join(&[*path]),
            value: value.to_vec(),
        },
        NodeView::Extension { path, child } => Node::Extension {
            path: Nibbles::join(&[*path]),
            child: own_child(child).unwrap_or(Child {
                reference: Reference::Dirty,
                node: None,
            }),
        },
        NodeView::Branch { children, value } => {
            let count = children
                .iter()
                .filter(|child| **child != ChildView::Empty)
                .count();
            let mut owned = Children::with_capacity(count);
            for (nibble, child) in (0_u8..).zip(children) {
                if let Some(child) = own_child(child) {
                    owned.push(nibble, child);
                }
            }
            Node::Branch {
                children: owned,
                value: value.to_vec(),
            }
        }
    }
}

fn own_child(view: &ChildView<'_>) -> Option<Child> {
    let reference = match view {
        ChildView::Empty => return None,
        ChildView::Hash(hash) => Reference::Hash(**hash),
        ChildView::Inline(rlp) => Reference::inline(rlp)?,
    };
    Some(Child {
        reference,
        node: None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{build, partial};
    use super::*;
    use alloc::vec;

    #[test]
    fn gaps_are_closed_once_half_of_the_places_are_free() {
        let mut arena = Arena::default();
        let leaf = || Node::Leaf {
            path: Nibbles::join(&[]),
            value: vec![1],
        };
        let ids: Vec<_> = (0..8).map(|_| arena.insert(leaf(), 0).unwrap()).collect();
        let full = arena.capacity_bytes();
        assert!(full >= 8 * size_of::<Place>());
        for id in &ids[..3] {
            arena.remove(*id).unwrap();
        }
        arena.compact(&mut None).unwrap();
        assert_eq!((arena.places.len(), arena.free.len()), (8, 3));
        arena.remove(ids[3]).unwrap();
        arena.compact(&mut None).unwrap();
        assert_eq!((arena.places.len(), arena.free.len()), (4, 0));
        assert!(arena.capacity_bytes() < full);
    }

    #[test]
    fn revealed_branch_has_room_for_its_children_and_no_more() {
        let (full, ..) = build(&["1", "2", "3"]);
        let client = partial(&full, &["1"]);
        let root = client.known(Edge::Root, 0).unwrap();
        let bytes = client.arena.get(root).unwrap().heap_bytes();
        assert_eq!(bytes, 3 * size_of::<Child>());
    }
}
