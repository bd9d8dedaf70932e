//! Days, counted, so that two dates of an image can be compared.

/// The number of days from 1970-01-01 to the day that a text begins with: `2026-11-25`, or a time as RFC 3339 has it.
/// `None` where it begins with no date.
#[must_use]
pub fn day_number(text: &str) -> Option<i64> {
    let date = text.get(..10)?;
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = date.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let is_date = date.as_bytes()[4] == b'-' && date.as_bytes()[7] == b'-';
    if !is_date || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March have the odd day at their end (Howard Hinnant, "chrono-compatible low-level date
    // algorithms").
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::day_number;

    #[test]
    fn days_are_counted_from_1970() {
        for (text, days) in [
            ("1970-01-01", Some(0)),
            ("1969-12-31", Some(-1)),
            ("2000-02-29T23:59:59Z", Some(11_016)),
            ("2000-03-01", Some(11_017)),
            ("2026-11-25", Some(20_782)),
            ("0001-01-01T00:00:00Z", Some(-719_162)),
            ("2026-13-01", None),
            ("2026/11/25", None),
            ("2026-1-1", None),
            ("20261125xx", None),
            ("zwölf Tage", None),
            ("", None),
        ] {
            assert_eq!(day_number(text), days, "{text}");
        }
    }
}
