//! Server-side printing: the columns and cells of each kind as a `Table` carries them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::columns::{self, Cell};
use super::pod_cells;
use super::resources::Resource;

/// `columnDefinitions`.
#[must_use]
pub fn definitions(resource: &Resource) -> Value {
    let definition = |name: &str, kind: &str, format: &str, priority: u8| json!({"name": name, "type": kind, "format": format, "description": "", "priority": priority});
    let mut all = vec![definition("Name", "string", "name", 0)];
    for column in columns::of(resource) {
        let kind = match column.cell {
            Cell::Number(_) => "integer",
            Cell::Boolean(_) => "boolean",
            Cell::Date(_) if resource.origin == super::resources::Origin::Custom => "date",
            _ => "string",
        };
        all.push(definition(column.name, kind, "", column.priority));
    }
    Value::Array(all)
}

/// One row's cells.
#[must_use]
pub fn cells(resource: &Resource, object: &Value, now: Timestamp) -> Vec<Value> {
    if resource.kind == "Pod" {
        return pod_cells::cells(object, now);
    }
    let mut cells = vec![object["metadata"]["name"].clone()];
    cells.extend(columns::of(resource).iter().map(|column| column.cell.print(object, now)));
    cells
}

#[cfg(test)]
mod tests {
    use super::super::resources::RESOURCES;
    use super::*;

    #[test]
    fn every_kind_has_as_many_cells_as_columns() {
        for resource in RESOURCES {
            let object = json!({"metadata": {"name": "a"}});
            let columns = definitions(resource);
            assert_eq!(
                columns.as_array().unwrap().len(),
                cells(resource, &object, Timestamp::UNIX_EPOCH).len(),
                "{}",
                resource.kind
            );
        }
    }
}
