//! Manifests that are as they should be, and the places of their fields.

use super::*;

const FILE: &str = r#"# A pipeline and what belongs to it.
apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: payments, namespace: bank}
spec:
  sources:
  - name: transactions
    kafka: {topic: transactions}
    columns:
    - {name: amount, type: "Decimal(12,2)"}
    check: "amount >= 0"
  streams:
  - name: spend
    sql: |
      SELECT account,
        sum(amount) AS total
      FROM transactions
---
apiVersion: v1
kind: ConfigMap
metadata: {name: users}
data: {users.csv: "a,b"}
---
---
apiVersion: v1
kind: List
items:
- apiVersion: tidemill.io/v1alpha1
  kind: Sink
  metadata: {name: out}
  spec: {stdout: {}}
- apiVersion: tidemill.io/v1alpha1
  kind: AlertRule
  metadata: {name: large}
  spec: {pipelineRef: {name: payments}, stream: spend, when: total > 1}
"#;

fn at(line: usize, column: usize) -> Position {
    Position { line, column }
}

fn spec() -> FieldPath {
    FieldPath::root().field("spec")
}

/// The resource of a file that holds one, and nothing wrong.
fn only(text: &str) -> Resource {
    let mut loaded = load("m.yaml", text);
    assert_eq!(loaded.problems, []);
    assert_eq!(loaded.resources.len(), 1);
    loaded.resources.remove(0)
}

/// A pipeline whose only stream's query is written so.
fn with_sql(sql: &str) -> Resource {
    only(&format!(
        "apiVersion: tidemill.io/v1alpha1\nkind: Pipeline\nmetadata: {{name: p}}\nspec:\n  sources: [{{name: t, generator: {{kind: Customers}}}}]\n  streams:\n  - name: s\n    sql: {sql}\n"
    ))
}

/// Where each of these words of the query stands, found by its place in the query's value.
fn places(resource: &Resource, words: &[&str]) -> Vec<Position> {
    let path = spec().field("streams").index(0).field("sql");
    let ResourceKind::Pipeline(pipeline) = &resource.kind else {
        panic!()
    };
    let sql = &pipeline.spec.streams[0].sql;
    let place = |word: &&str| {
        let before = &sql[..sql.find(word).unwrap()];
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let within = at(before.matches('\n').count() + 1, column);
        resource.locate_in(&path, within).unwrap()
    };
    words.iter().map(place).collect()
}

#[test]
fn many_documents_and_lists_of_all_kinds() {
    let loaded = load("m.yaml", FILE);
    assert_eq!(loaded.problems, []);
    let named: Vec<_> = loaded
        .resources
        .iter()
        .map(|r| (r.kind_name(), r.name(), r.namespace()))
        .collect();
    assert_eq!(
        named,
        [
            ("Pipeline", "payments", Some("bank")),
            ("ConfigMap", "users", None),
            ("Sink", "out", None),
            ("AlertRule", "large", None)
        ]
    );
    assert!(
        matches!(&loaded.resources[0].kind, ResourceKind::Pipeline(p) if p.spec.sources.len() == 1)
    );
    assert!(
        matches!(&loaded.resources[1].kind, ResourceKind::Other(value) if value["data"]["users.csv"] == "a,b")
    );
    assert!(matches!(&loaded.resources[2].kind, ResourceKind::Sink(s) if s.spec.stdout.is_some()));
    assert!(
        matches!(&loaded.resources[3].kind, ResourceKind::AlertRule(r) if r.spec.when == "total > 1")
    );
}

#[test]
fn fields_are_located() {
    let loaded = load("m.yaml", FILE);
    let pipeline = &loaded.resources[0];
    let source = spec().field("sources").index(0);
    assert_eq!(
        pipeline.locate(&source.clone().field("name")),
        Some(at(7, 11))
    );
    assert_eq!(
        pipeline.locate(&source.clone().field("columns").index(0).field("type")),
        Some(at(10, 28))
    );
    assert_eq!(pipeline.locate(&source.clone().field("table")), None);
    assert_eq!(
        pipeline.nearest(&source.field("table").field("primaryKey")),
        at(7, 5)
    );
    let rule = &loaded.resources[3];
    assert_eq!(rule.locate(&spec().field("when")), Some(at(35, 62)));
    assert_eq!(
        rule.problem(&spec().field("when"), "no")
            .hint("do")
            .to_string(),
        "m.yaml:35:62: spec.when: no\n  hint: do"
    );
}

#[test]
fn a_place_in_a_literal_block_is_a_place_in_the_file() {
    let loaded = load("m.yaml", FILE);
    let sql = spec().field("streams").index(0).field("sql");
    let pipeline = &loaded.resources[0];
    assert_eq!(pipeline.locate_in(&sql, at(1, 1)), Some(at(15, 7)));
    assert_eq!(pipeline.locate_in(&sql, at(2, 7)), Some(at(16, 13)));
    assert_eq!(pipeline.locate_in(&sql, at(3, 6)), Some(at(17, 12)));
    assert_eq!(
        pipeline.locate_in(&sql, at(99, 1)),
        Some(at(17, 24)),
        "past its end"
    );
    let check = spec().field("sources").index(0).field("check");
    assert_eq!(pipeline.locate_in(&check, at(1, 8)), Some(at(11, 20)));
    assert_eq!(
        pipeline
            .problem_in(&sql, at(2, 7), "no such column")
            .to_string(),
        "m.yaml:16:13: spec.streams[0].sql: no such column"
    );
}

#[test]
fn a_place_is_found_in_every_style() {
    let words = [",", "b", "t"];
    for (sql, expected) in [
        (
            "|\n      SELECT é,\n\n        b\n      FROM t",
            [at(9, 15), at(11, 9), at(12, 12)],
        ),
        (
            "|- # the query\n      SELECT a,\n        b FROM t",
            [at(9, 15), at(10, 9), at(10, 16)],
        ),
        (
            "|2\n        SELECT a,\n      b FROM t",
            [at(9, 17), at(10, 7), at(10, 14)],
        ),
        (
            ">\n      SELECT a,\n      b FROM\n      t",
            [at(9, 15), at(10, 7), at(11, 7)],
        ),
        (
            "SELECT a,\n      b FROM\n      t",
            [at(8, 18), at(9, 7), at(10, 7)],
        ),
    ] {
        assert_eq!(places(&with_sql(sql), &words), expected, "{sql}");
    }
    let single = with_sql("'SELECT '''', a, b FROM t'");
    assert_eq!(
        places(&single, &["', a", "a, b", "t"]),
        [at(8, 20), at(8, 24), at(8, 34)]
    );
    let double = with_sql(r#""SELECT \"x\", a,\n \u0062 FROM t""#);
    assert_eq!(
        places(&double, &["x", "a,", "t"]),
        [at(8, 20), at(8, 25), at(8, 42)]
    );
}

#[test]
fn a_broken_document_leaves_the_others_whole() {
    let sink = |name: &str| {
        format!(
            "apiVersion: tidemill.io/v1alpha1\nkind: Sink\nmetadata: {{name: {name}}}\nspec: {{stdout: {{}}}}\n"
        )
    };
    let text = format!(
        "{}---\nkind: [\n---\n{}---\nkind: Sink\n--- # more\n{}",
        sink("a"),
        sink("b"),
        sink("c")
    );
    let loaded = load("m.yaml", &text);
    let names: Vec<_> = loaded.resources.iter().map(Resource::name).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let lines: Vec<_> = loaded.problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines[0], 6, "{:?}", loaded.problems);
    assert!(
        lines[1..].iter().all(|line| *line == 13),
        "{:?}",
        loaded.problems
    );
    assert_eq!(loaded.resources[2].nearest(&FieldPath::root()), at(15, 1));
}

#[test]
fn duplicates_are_found_across_files_but_not_across_namespaces() {
    let sink = |namespace: &str| {
        format!(
            "apiVersion: tidemill.io/v1alpha1\nkind: Sink\nmetadata: {{name: s, namespace: {namespace}}}\nspec: {{stdout: {{}}}}\n"
        )
    };
    let (a, b) = (sink("a"), sink("b"));
    assert_eq!(
        load_all([("1.yaml", a.as_str()), ("2.yaml", b.as_str())]).problems,
        []
    );
    let problems = load_all([("1.yaml", a.as_str()), ("2.yaml", a.as_str())]).problems;
    assert_eq!(
        problems[0].to_string(),
        "2.yaml:3:18: metadata.name: there is a Sink `s` already, at 1.yaml:3:18\n  hint: give one of them another name, or take it away"
    );
}

#[test]
fn kustomize_files_and_empty_files_hold_nothing() {
    for (file, text) in [
        ("examples/kustomization.yaml", "resources: [a.yaml]"),
        (
            "k.yaml",
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]",
        ),
        ("empty.yaml", ""),
        ("comment.yaml", "# nothing\n---\n# here\n"),
    ] {
        let loaded = load(file, text);
        assert!(
            loaded.resources.is_empty() && loaded.problems.is_empty(),
            "{file}: {:?}",
            loaded.problems
        );
    }
}

#[test]
fn anchors_merges_and_nulls_are_understood() {
    let text = "apiVersion: tidemill.io/v1alpha1\nkind: Pipeline\nmetadata: {name: p}\nspec:\n  kafka: null\n  sources:\n  - &base\n    name: a\n    kafka: {topic: a}\n    columns: &columns [{name: id, type: String}]\n  - <<: *base\n    name: b\n  - {name: c, kafka: {topic: c}, columns: *columns}\n";
    let resource = only(text);
    let ResourceKind::Pipeline(pipeline) = &resource.kind else {
        panic!()
    };
    let names: Vec<_> = pipeline
        .spec
        .sources
        .iter()
        .map(|source| source.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert!(
        pipeline
            .spec
            .sources
            .iter()
            .all(|source| source.columns.len() == 1)
    );
    assert!(pipeline.spec.kafka.is_none());
}

#[test]
fn a_scalar_is_what_kubectl_takes_it_for() {
    let resource = only(
        "apiVersion: tidemill.io/v1alpha1\nkind: AlertRule\nmetadata: {name: r}\nspec:\n  pipelineRef: {name: p}\n  stream: s\n  when: a > 1\n  parameters: {a: 5, b: -0.5, c: 1e3, d: 0x10, e: \"5\", f: 1.2.3, g: true, h: 12abc, i: yes, j: Off}\n",
    );
    let ResourceKind::AlertRule(rule) = &resource.kind else {
        panic!()
    };
    let json = serde_json::to_value(&rule.spec.parameters).unwrap();
    assert_eq!(
        json,
        serde_json::json!({"a": 5, "b": -0.5, "c": 1000.0, "d": 16, "e": "5", "f": "1.2.3", "g": true, "h": "12abc", "i": true, "j": false})
    );
}

#[test]
fn paths_are_written_as_people_write_them() {
    let path = spec().field("streams").index(2).field("sql");
    assert_eq!(path.to_string(), "spec.streams[2].sql");
    assert_eq!(
        spec().field("retention.ms").to_string(),
        "spec[\"retention.ms\"]"
    );
}

#[test]
fn no_cut_of_a_file_and_no_stray_byte_stops_the_reader() {
    for end in (0..FILE.len()).filter(|end| FILE.is_char_boundary(*end)) {
        let _ = load("m.yaml", &FILE[..end]);
        let _ = load("m.yaml", &FILE[end..]);
        for stray in [
            "\0", "\t", "{", "]", "&a", "*a", "!", "\"", "é", "- ", "? ", "%",
        ] {
            if end % 7 == 0 {
                let _ = load(
                    "m.yaml",
                    &format!("{}{stray}{}", &FILE[..end], &FILE[end..]),
                );
            }
        }
    }
}
