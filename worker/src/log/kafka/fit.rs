//! Cutting dead letters to the size that a topic takes: they must not stop the pipeline.

use tidemill_engine::record::Headers;

use super::ffi::Row;

/// What a batch of one record takes besides its bytes, and a header besides its own.
const OVERHEAD: usize = 160;
const HEADER: usize = 16;

/// Headers by reference.
pub(super) type HeaderRefs<'e> = Vec<(&'e str, Option<&'e [u8]>)>;

/// How many bytes a record takes at most.
pub(super) fn size(row: &Row<'_>, headers: &Headers) -> usize {
    let headers: usize = headers
        .iter()
        .map(|(name, value)| header_size(name, value.as_deref()))
        .sum();
    OVERHEAD + headers + row.key.map_or(0, <[u8]>::len) + row.value.map_or(0, <[u8]>::len)
}

fn header_size(name: &str, value: Option<&[u8]>) -> usize {
    HEADER + name.len() + value.map_or(0, <[u8]>::len)
}

/// The record cut to `limit` bytes, with room for one more short header. Our own headers say what is wrong and are
/// kept; others are left out where they do not fit into half of it, and the key is cut before the value is left empty.
pub(super) fn fit<'e>(
    row: Row<'e>,
    headers: &'e Headers,
    limit: usize,
) -> (Row<'e>, HeaderRefs<'e>) {
    let mut room =
        limit.saturating_sub(OVERHEAD + header_size("tidemill.truncated", Some(&[0; 20])));
    let mut kept = HeaderRefs::new();
    let ours = |name: &str| name.starts_with("tidemill.");
    let by_rank = headers
        .iter()
        .filter(|(name, _)| ours(name))
        .chain(headers.iter().filter(|(name, _)| !ours(name)));
    for (name, value) in by_rank {
        let takes = header_size(name, value.as_deref());
        if takes <= room / 2 {
            room -= takes;
            kept.push((name, value.as_deref()));
        }
    }
    let key = row.key.map(|key| cut(key, room / 2));
    room -= key.map_or(0, <[u8]>::len);
    (
        Row {
            key,
            value: row.value.map(|value| cut(value, room)),
        },
        kept,
    )
}

fn cut(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(..len).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&str, usize)]) -> Headers {
        list.iter()
            .map(|(name, len)| ((*name).to_owned(), Some(vec![b'h'; *len])))
            .collect()
    }

    #[test]
    fn whatever_comes_fits_afterwards() {
        for (key, value, list) in [
            (10, 5000, vec![("tidemill.reason", 12)]),
            (5000, 10, vec![("tidemill.reason", 12)]),
            (
                5000,
                5000,
                vec![("x", 3000), ("tidemill.reason", 12), ("y", 900)],
            ),
            (0, 0, vec![("x", 90_000)]),
        ] {
            let (key, value, headers) = (vec![1; key], vec![2; value], headers(&list));
            let (row, kept) = fit(
                Row {
                    key: Some(&key),
                    value: Some(&value),
                },
                &headers,
                2000,
            );
            let owned: Headers = kept
                .iter()
                .map(|(n, v)| ((*n).to_owned(), v.map(<[u8]>::to_vec)))
                .collect();
            assert!(size(&row, &owned) + HEADER + 38 <= 2000, "{list:?}");
        }
    }

    #[test]
    fn our_own_headers_and_as_much_of_the_value_as_fits_are_kept() {
        let (key, value, headers) = (
            vec![1; 10],
            vec![2; 5000],
            headers(&[("trace", 5000), ("tidemill.reason", 12)]),
        );
        let (row, kept) = fit(
            Row {
                key: Some(&key),
                value: Some(&value),
            },
            &headers,
            2000,
        );
        assert_eq!(
            kept.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["tidemill.reason"]
        );
        assert_eq!(row.key.map(<[u8]>::len), Some(10));
        assert!(row.value.is_some_and(|v| v.len() > 1500));
    }

    #[test]
    fn null_stays_null() {
        let headers = headers(&[("x", 5000)]);
        let (row, kept) = fit(
            Row {
                key: None,
                value: None,
            },
            &headers,
            2000,
        );
        assert!(row.key.is_none() && row.value.is_none() && kept.is_empty());
    }
}
