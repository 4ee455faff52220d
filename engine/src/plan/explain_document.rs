//! What EXPLAIN says as a document: JSON, YAML or XML, of PostgreSQL's outer shape.

use serde_json::{Map, Value};

use crate::statement::ExplainFormat;

/// The rows of the answer: a line each, or one document.
pub(crate) fn written(lines: Vec<String>, format: ExplainFormat) -> Vec<String> {
    match format {
        ExplainFormat::Text => lines,
        ExplainFormat::Json => vec![serde_json::to_string_pretty(&[document(&lines)]).unwrap_or_default()],
        ExplainFormat::Yaml => vec![yaml(&document(&lines))],
        ExplainFormat::Xml => vec![xml(&document(&lines))],
    }
}

/// What stands further in is part of what it stands under.
fn document(lines: &[String]) -> Map<String, Value> {
    let is_fact = |line: &&String| depth(line) == 0 && FACTS.iter().any(|fact| line.starts_with(fact));
    let mut document = Map::new();
    let steps: Vec<&String> = lines.iter().filter(|line| !is_fact(line)).collect();
    document.insert("Plan".to_owned(), node(&steps));
    for (name, value) in lines.iter().filter(is_fact).filter_map(|line| line.split_once(": ")) {
        let whole = value.parse::<u64>().map(Value::from);
        let number = whole.or_else(|_| value.trim_end_matches(" ms").parse::<f64>().map(Value::from));
        document.insert(name.to_owned(), number.unwrap_or_else(|_| value.into()));
    }
    document
}

/// Lines about the whole statement.
const FACTS: [&str; 4] = ["Planning Time: ", "Actual Rows: ", "Execution Time: ", "Buffers: "];

fn depth(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The first line as a node, with what stands further in than it.
fn node(lines: &[&String]) -> Value {
    let Some((first, rest)) = lines.split_first() else { return Value::Null };
    let mut node = Map::new();
    let words = first.trim_start();
    let (name, detail) = words.split_once(": ").unwrap_or((words, ""));
    node.insert("Node Type".to_owned(), name.into());
    if !detail.is_empty() {
        node.insert("Detail".to_owned(), detail.into());
    }
    let inner = rest.iter().map(|line| depth(line)).min().unwrap_or_default();
    let starts: Vec<usize> = (0..rest.len()).filter(|at| depth(rest[*at]) == inner).collect();
    let ends = starts.iter().skip(1).copied().chain([rest.len()]);
    let children: Vec<Value> = starts.iter().zip(ends).map(|(start, end)| self::node(&rest[*start..end])).collect();
    if !children.is_empty() {
        node.insert("Plans".to_owned(), children.into());
    }
    node.into()
}

fn yaml(document: &Map<String, Value>) -> String {
    let mut lines = Vec::new();
    yaml_item(document, 0, &mut lines);
    lines.join("\n")
}

/// An object as an item of a list: its first line has the dash.
fn yaml_item(object: &Map<String, Value>, indent: usize, lines: &mut Vec<String>) {
    let first = lines.len();
    yaml_members(object, indent + 2, lines);
    if let Some(line) = lines.get_mut(first) {
        line.replace_range(indent..=indent, "-");
    }
}

fn yaml_members(object: &Map<String, Value>, indent: usize, lines: &mut Vec<String>) {
    let space = " ".repeat(indent);
    for (name, value) in object {
        match value {
            Value::Object(members) => {
                lines.push(format!("{space}{name}: "));
                yaml_members(members, indent + 2, lines);
            }
            Value::Array(items) => {
                lines.push(format!("{space}{name}: "));
                items.iter().filter_map(Value::as_object).for_each(|item| yaml_item(item, indent + 2, lines));
            }
            // A string of JSON is one of YAML.
            scalar => lines.push(format!("{space}{name}: {scalar}")),
        }
    }
}

fn xml(document: &Map<String, Value>) -> String {
    let mut lines = vec!["<explain xmlns=\"http://www.postgresql.org/2009/explain\">".to_owned()];
    xml_element("Query", &Value::Object(document.clone()), 2, &mut lines);
    lines.push("</explain>".to_owned());
    lines.join("\n")
}

fn xml_element(name: &str, value: &Value, indent: usize, lines: &mut Vec<String>) {
    let (space, tag) = (" ".repeat(indent), name.replace(' ', "-"));
    let text = match value {
        Value::Object(members) => {
            lines.push(format!("{space}<{tag}>"));
            members.iter().for_each(|(name, value)| xml_element(name, value, indent + 2, lines));
            lines.push(format!("{space}</{tag}>"));
            return;
        }
        Value::Array(items) => {
            lines.push(format!("{space}<{tag}>"));
            // The only list is that of plans.
            items.iter().for_each(|item| xml_element("Plan", item, indent + 2, lines));
            lines.push(format!("{space}</{tag}>"));
            return;
        }
        Value::String(text) => text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        scalar => scalar.to_string(),
    };
    lines.push(format!("{space}<{tag}>{text}</{tag}>"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<String> {
        ["Sort: a < b & c", "  Scan: \"t\"", "  Values", "Actual Rows: 3", "Planning Time: 0.250 ms"]
            .map(str::to_owned)
            .to_vec()
    }

    #[test]
    fn yaml_is_as_postgresql_indents_it() {
        let expected = "- Actual Rows: 3\n  Plan: \n    Detail: \"a < b & c\"\n    Node Type: \"Sort\"\n    Plans: \n      - Detail: \"\\\"t\\\"\"\n        Node Type: \"Scan\"\n      - Node Type: \"Values\"\n  Planning Time: 0.25";
        assert_eq!(written(lines(), ExplainFormat::Yaml), [expected]);
    }

    #[test]
    fn xml_has_names_without_spaces() {
        let [document] = written(lines(), ExplainFormat::Xml).try_into().expect("one document");
        let expected = "<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n  <Query>\n    <Actual-Rows>3</Actual-Rows>\n    <Plan>\n      <Detail>a &lt; b &amp; c</Detail>\n      <Node-Type>Sort</Node-Type>\n      <Plans>\n        <Plan>\n";
        assert!(document.starts_with(expected), "{document}");
        assert!(document.ends_with("    <Planning-Time>0.25</Planning-Time>\n  </Query>\n</explain>"), "{document}");
    }
}
