//! A binary heap of source numbers, ordered by what their cursors stand at.
//!
//! The order is passed to each call: it depends on the cursors, and turns round with the direction. Only the top moves while entries are
//! taken one by one, so that an entry costs one or two comparisons where a source gives several in a row.

#[derive(Default)]
pub struct Heap {
    items: Vec<usize>,
}

impl Heap {
    pub fn top(&self) -> Option<usize> {
        self.items.first().copied()
    }

    /// What would be the top without the top.
    pub fn second(&self, before: impl Fn(usize, usize) -> bool) -> Option<usize> {
        match *self.items {
            [] | [_] => None,
            [_, second] => Some(second),
            [_, left, right, ..] => Some(if before(right, left) { right } else { left }),
        }
    }

    /// The top, when it is alone.
    pub fn only(&self) -> Option<usize> {
        match *self.items {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Starts anew with these sources.
    pub fn fill(&mut self, items: impl Iterator<Item = usize>, before: impl Fn(usize, usize) -> bool) {
        self.items.clear();
        self.items.extend(items);
        for parent in (0..self.items.len() / 2).rev() {
            self.sift_down(parent, &before);
        }
    }

    /// The top has moved on.
    #[inline]
    pub fn top_changed(&mut self, before: impl Fn(usize, usize) -> bool) {
        self.sift_down(0, &before);
    }

    /// The top has come to its end.
    pub fn remove_top(&mut self, before: impl Fn(usize, usize) -> bool) {
        if !self.items.is_empty() {
            self.items.swap_remove(0);
            self.sift_down(0, &before);
        }
    }

    #[inline]
    fn sift_down(&mut self, mut parent: usize, before: &impl Fn(usize, usize) -> bool) {
        loop {
            let left = 2 * parent + 1;
            if left >= self.items.len() {
                return;
            }
            let right = left + 1;
            let child = if right < self.items.len() && before(self.items[right], self.items[left]) { right } else { left };
            if !before(self.items[child], self.items[parent]) {
                return;
            }
            self.items.swap(parent, child);
            parent = child;
        }
    }
}
