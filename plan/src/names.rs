//! Names that someone may have meant, and those that are made of others.

/// The topic in which rows wait until a webhook has taken them; `pipeline` is [`Plan::name`](crate::model::Plan::name).
#[must_use]
pub fn outbox(pipeline: &str, sink: &str) -> String {
    format!("{pipeline}.{sink}.outbox")
}

/// The consumer group of those that post the rows of an outbox.
#[must_use]
pub fn deliverers(pipeline: &str, sink: &str) -> String {
    format!("{pipeline}.{sink}.deliver")
}

/// The same, from the topic, if it is an outbox.
#[must_use]
pub fn deliverers_of(topic: &str) -> Option<String> {
    let of = topic.strip_suffix(".outbox")?;
    Some(format!("{of}.deliver"))
}

/// The known name nearest to one that is not known, if one is near enough to be meant.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= 1 + name.len().min(candidate.len()) / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How to go on after a name that is not known: the near one, or what there is.
#[must_use]
pub fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(name, known.iter().copied()) {
        Some(near) if near.to_lowercase() == name.to_lowercase() => {
            Some(format!("names are taken as written: write `{near}`"))
        }
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() => None,
        None => Some(format!("there is {}", list(&known))),
    }
}

/// At most a dozen names, quoted.
fn list(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(12).map(|n| format!("`{n}`")).collect();
    let more = if names.len() > 12 { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_found_and_a_far_one_is_not() {
        let known = ["customer_id", "amount", "ts"];
        assert_eq!(nearest("custmer_id", known), Some("customer_id"));
        assert_eq!(nearest("Amount", known), Some("amount"));
        assert_eq!(nearest("price", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn the_hint_says_what_to_write() {
        let known = ["customer_id", "amount"];
        assert_eq!(
            hint("Amount", known).as_deref(),
            Some("names are taken as written: write `amount`")
        );
        assert_eq!(
            hint("amuont", known).as_deref(),
            Some("did you mean `amount`?")
        );
        assert_eq!(
            hint("x", known).as_deref(),
            Some("there is `customer_id`, `amount`")
        );
    }
}
