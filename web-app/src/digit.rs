//! A drawn digit as the models know digits (`digits-8x8-17/1`): 8 x 8 cells, each the number of inked points of its 4 x 4.
//!
//! ```text
//!   strokes --to the height of the box, centred--> 32 x 32 points --counted--> 8 x 8 cells of 0 to 16
//! ```

/// Points a side.
const POINTS: usize = 32;
/// Cells a side.
pub(crate) const CELLS: usize = 8;
/// Half the width of a line, in points.
const PEN: f64 = 1.7;
/// The widest that a digit gets, in points: the data set's are taller than wide.
const WIDEST: f64 = 24.0;

/// A line of a pen, in any unit.
pub(crate) type Stroke = Vec<(f64, f64)>;

/// The cells, row by row.
pub(crate) fn to_cells(strokes: &[Stroke]) -> Vec<u8> {
    let Some(fit) = Fit::of(strokes) else {
        return vec![0; CELLS * CELLS];
    };
    let lines: Vec<Stroke> = strokes
        .iter()
        .map(|stroke| stroke.iter().map(|&point| fit.apply(point)).collect())
        .collect();
    let mut cells = vec![0_u8; CELLS * CELLS];
    for row in 0..POINTS {
        for column in 0..POINTS {
            let point = (column as f64 + 0.5, row as f64 + 0.5);
            let cell = row / 4 * CELLS + column / 4;
            if lines.iter().any(|line| is_inked(line, point))
                && let Some(count) = cells.get_mut(cell)
            {
                *count += 1;
            }
        }
    }
    cells
}

/// Scale and shift from what was drawn to the box.
struct Fit {
    scale: f64,
    left: f64,
    top: f64,
}

impl Fit {
    fn of(strokes: &[Stroke]) -> Option<Self> {
        let points = || strokes.iter().flatten();
        let low = |pick: fn(&(f64, f64)) -> f64| points().map(pick).fold(f64::INFINITY, f64::min);
        let high =
            |pick: fn(&(f64, f64)) -> f64| points().map(pick).fold(f64::NEG_INFINITY, f64::max);
        points().next()?;
        let (left, right) = (low(|point| point.0), high(|point| point.0));
        let (top, bottom) = (low(|point| point.1), high(|point| point.1));
        let room = POINTS as f64 - 2.0 * PEN;
        // A dot has no extent.
        let (width, height) = ((right - left).max(1e-3), (bottom - top).max(1e-3));
        let scale = (room / height).min((WIDEST - 2.0 * PEN) / width);
        let middle = POINTS as f64 / 2.0;
        Some(Self {
            scale,
            left: middle - scale * (left + right) / 2.0,
            top: middle - scale * (top + bottom) / 2.0,
        })
    }

    fn apply(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.scale * x + self.left, self.scale * y + self.top)
    }
}

fn is_inked(line: &[(f64, f64)], point: (f64, f64)) -> bool {
    match line {
        [] => false,
        [dot] => distance(*dot, *dot, point) <= PEN,
        line => line
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if distance(*a, *b, point) <= PEN)),
    }
}

/// From a point to a piece of a line.
fn distance(a: (f64, f64), b: (f64, f64), point: (f64, f64)) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = dx * dx + dy * dy;
    let along = if length == 0.0 {
        0.0
    } else {
        (((point.0 - a.0) * dx + (point.1 - a.1) * dy) / length).clamp(0.0, 1.0)
    };
    (point.0 - a.0 - along * dx).hypot(point.1 - a.1 - along * dy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_drawn_is_no_ink() {
        assert_eq!(to_cells(&[]), vec![0; 64]);
        assert_eq!(to_cells(&[Vec::new()]), vec![0; 64]);
    }

    #[test]
    fn size_and_place_of_a_drawing_do_not_matter() {
        let stroke = |scale: f64, shift: f64| -> Vec<Stroke> {
            let points = [(0.0, 0.0), (3.0, 1.0), (1.0, 9.0)];
            vec![
                points
                    .iter()
                    .map(|(x, y)| (scale * x + shift, scale * y + shift))
                    .collect(),
            ]
        };
        let cells = to_cells(&stroke(1.0, 0.0));
        assert_eq!(cells, to_cells(&stroke(20.0, 100.0)));
        assert!(cells.iter().all(|&count| count <= 16));
        // Every row of a tall drawing has ink.
        assert!(
            cells
                .chunks(8)
                .all(|row| row.iter().any(|&count| count > 0))
        );
    }

    #[test]
    fn an_upright_line_is_centred_and_narrow() {
        let cells = to_cells(&[vec![(5.0, 0.0), (5.0, 10.0)]]);
        for row in cells.chunks(8) {
            assert!(matches!(row, [0, 0, 0, left, right, 0, 0, 0] if left == right && *left > 0));
        }
    }

    #[test]
    fn a_dot_stays_in_the_box() {
        let cells = to_cells(&[vec![(7.0, 7.0)]]);
        let ink: u32 = cells.iter().map(|&count| u32::from(count)).sum();
        assert!((4..20).contains(&ink), "{ink}");
    }
}
