package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/openfootfall/footfall/dashboards/panels"
	"github.com/openfootfall/footfall/dashboards/tokens"
)

// object is a JSON object of the description.
type object map[string]any

// describe is the description of the API as OpenAPI 3.1 has it, made from the routes, the tables, their comments and the panels.
func (a *API) describe() ([]byte, error) {
	paths, schemas := object{}, object{"Problem": problemSchema(), "Store": storeSchema(), "Panel": panelSchema(), "PanelRows": panelRowsSchema(), "Table": tableSchema()}
	for _, r := range routes() {
		switch r.name {
		case "table":
			for _, t := range a.tables {
				schemas["row_of_"+t.Name] = rowSchema(t)
				paths[strings.Replace(r.path, "{table}", t.Name, 1)] = object{"get": tableOperation(t)}
			}
		case "panel":
			paths[r.path] = object{"get": a.panelOperation()}
		default:
			paths[r.path] = object{"get": listOperation(r)}
		}
	}
	text, err := json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Footfall: published numbers of stores", "version": cmp.Or(a.o.Version, "unreleased"), "license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
			"description": "What is published of stores, to be read only: counts are rounded to 5, shares are whole percent, and a number is null unless the state beside it reads value. " +
				"The other states are under_10, quiet, closed, no_data and policy. Visitors are never to be added up over days as unique. A store-day is 04:00 to 04:00 on the store's clock.",
		},
		"servers":    []object{{"url": "/"}},
		"security":   []object{{"token": []string{}}},
		"paths":      paths,
		"components": object{"schemas": schemas, "responses": responses(), "securitySchemes": object{"token": object{"type": "http", "scheme": "bearer", "description": "A token of footfall token make; it begins with " + tokens.Prefix + "."}}},
	}, "", " ")
	if err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	return append(text, '\n'), nil
}

func ref(kind, name string) object { return object{"$ref": "#/components/" + kind + "/" + name} }

func text(description string) object {
	out := object{"type": "string"}
	if description != "" {
		out["description"] = description
	}
	return out
}

func dateText(description string) object {
	out := text(description)
	out["format"] = "date"
	return out
}

func listOf(items object) object { return object{"type": "array", "items": items} }

// members is an object all of whose members are there, but for some.
func members(properties object, optional ...string) object {
	required := []string{}
	for name := range properties {
		if !slices.Contains(optional, name) {
			required = append(required, name)
		}
	}
	slices.Sort(required)
	return object{"type": "object", "properties": properties, "required": required}
}

// failures are the answers that an operation may give beside the one that is wanted.
func failures(status ...string) object {
	out := object{}
	for _, s := range status {
		out[s] = ref("responses", s)
	}
	return out
}

func responses() object {
	out := object{}
	for status, what := range map[string]string{
		"400": "The request is wrong; detail says what to write instead.", "401": "There is no token, or it is unknown, revoked or has ended.",
		"403": "The token's role does not allow this, or the store is not one of its stores, whether it exists or not, or this is of all stores together and the token is of some.",
		"404": "There is no such thing.", "405": "The API is to be read only.", "429": "The token has too many requests under way; Retry-After says when to ask again.",
		"503": "The numbers cannot be read just now; Retry-After says when to ask again.",
	} {
		out[status] = object{"description": what, "content": object{tokens.ProblemType: object{"schema": ref("schemas", "Problem")}}}
	}
	return out
}

func listOperation(r route) object {
	result := map[string]object{
		"openapi": {"description": "This description.", "schema": object{"type": "object"}},
		"stores":  {"description": "The stores that the token is for.", "schema": members(object{"stores": listOf(ref("schemas", "Store"))})},
		"tables":  {"description": "The tables that the token's role reads.", "schema": members(object{"tables": listOf(ref("schemas", "Table"))})},
		"panels":  {"description": "The panels of the dashboards that the token's role reads.", "schema": members(object{"panels": listOf(ref("schemas", "Panel"))})},
	}[r.name]
	op := object{"operationId": r.name, "summary": result["description"]}
	out := failures("400", "401", "403", "405", "429")
	if r.open {
		op["security"] = []object{}
		out = failures("400", "405")
	}
	out["200"] = object{"description": result["description"], "content": object{"application/json": object{"schema": result["schema"]}}}
	op["responses"] = out
	return op
}

// parameter is one of the query's.
func parameter(name string) object {
	one := func(schema object, description string) object {
		return object{"name": name, "in": "query", "required": false, "schema": schema, "description": description}
	}
	switch name {
	case "store":
		p := one(listOf(object{"type": "string"}), "A store, by its name in stores.yaml; may be there more than once. Without it, all stores that the token is for; a panel about one store wants it.")
		p["style"], p["explode"] = "form", true
		return p
	case "from":
		return one(dateText(""), "The first store-day. Rows that have an instant only are of the store-day that it was on the store's clock; weeks count by their Monday.")
	case "to":
		return one(dateText(""), "The last store-day, which belongs to the range.")
	case "range":
		return one(object{"type": "string", "enum": []string{"7d", "4w", "13w"}, "default": "4w"}, "A range that ends today, instead of from and to.")
	case "format":
		return one(object{"type": "string", "enum": []string{asJSON, asCSV}, "default": asJSON}, "JSON, or CSV with the names of the columns in the first line. A text in CSV that a spreadsheet would take for a formula has an apostrophe before it. The path may say it instead, by ending in .json or .csv.")
	case "limit":
		return one(object{"type": "integer", "minimum": 1, "maximum": largestLimit}, fmt.Sprintf("Rows of a page. Without it, %d in JSON; CSV then has all rows.", defaultLimit))
	case "cursor":
		return one(object{"type": "string", "maxLength": longestCursor}, "Where the page begins: next of the page before, with the other parameters as they were.")
	}
	return object{}
}

func parametersOf(names []string, required ...string) []object {
	out := make([]object, len(names))
	for i, name := range names {
		out[i] = parameter(name)
		if slices.Contains(required, name) {
			out[i]["required"] = true
		}
	}
	return out
}

func rolesOf(may func(tokens.Role) bool) string {
	var out []string
	for _, r := range tokens.Roles() {
		if may(r) {
			out = append(out, string(r))
		}
	}
	return strings.Join(out, ", ")
}

func tableOperation(t Table) object {
	r, _ := ruleOf(t.Name)
	out := failures("400", "401", "403", "404", "405", "429", "503")
	page := object{"table": object{"const": t.Name}, "stores": listOf(object{"type": "string"}), "rows": listOf(ref("schemas", "row_of_"+t.Name)), "next": text("The cursor of the next page; absent on the last one.")}
	if r.from != "" {
		page["from"], page["to"] = dateText(""), dateText("")
	}
	out["200"] = object{
		"description": "One page of rows, sorted by " + strings.Join(t.Key, ", ") + "; or CSV.",
		"headers":     object{"Link": object{"description": "Where the next page is (rel=next); absent on the last one.", "schema": object{"type": "string"}}},
		"content": object{
			"application/json": object{"schema": members(page, "next")},
			"text/csv":         object{"schema": object{"type": "string"}},
		},
	}
	what := "Roles that read it: " + rolesOf(func(role tokens.Role) bool { return mayTable(role, t.Name) }) + "."
	if r.from != "" {
		what += fmt.Sprintf(" A range is at most %d store-days.", longestRange)
	}
	return object{"operationId": t.Name, "summary": "The rows of " + t.Name + ".", "description": what, "parameters": parametersOf(r.parameters(), "from", "to"), "responses": out}
}

func (a *API) panelOperation() object {
	ids := []string{}
	for _, p := range a.o.Panels {
		ids = append(ids, p.ID)
	}
	which := object{"name": "panel", "in": "path", "required": true, "schema": object{"type": "string", "enum": ids}, "description": "The panel, as the list of panels has it."}
	out := failures("400", "401", "403", "404", "405", "429", "503")
	out["200"] = object{"description": "The panel's rows, as the dashboards show them.", "content": object{
		"application/json": object{"schema": ref("schemas", "PanelRows")}, "text/csv": object{"schema": object{"type": "string"}},
	}}
	return object{
		"operationId": "panel", "summary": "The rows of a panel.", "description": "Who reads every table that a panel is made of, reads the panel. Two years at most.",
		"parameters": append([]object{which}, parametersOf(panelParameters())...), "responses": out,
	}
}

// rowSchema is a row of a table; every description is the column's comment in the database.
func rowSchema(t Table) object {
	columns := object{}
	for _, c := range t.Columns {
		columns[c.Name] = cellSchema(c)
	}
	s := members(columns)
	s["title"] = t.Name
	return s
}

func cellSchema(c Column) object {
	s := object{"description": c.Comment}
	kind := "string"
	switch c.Kind {
	case Text:
		if strings.HasSuffix(c.Name, "_state") {
			s["examples"] = panels.States()
		}
	case Date:
		s["format"] = "date"
	case Instant:
		s["format"] = "date-time"
	case Integer, Number:
		kind = string(c.Kind)
	case YesNo:
		kind = "boolean"
	case Map:
		kind, s["additionalProperties"] = "object", object{"type": "integer"}
	}
	s["type"] = kind
	if c.Nullable {
		s["type"] = []string{kind, "null"}
	}
	if c.Unit != "" {
		s["x-unit"] = c.Unit
	}
	return s
}

func problemSchema() object {
	return members(object{
		"type": text("about:blank: the status says it all."), "title": text("The status in words."), "status": object{"type": "integer"},
		"detail": text("What is wrong, and what to do."),
	})
}

func storeSchema() object {
	return members(object{
		"id": text("As in stores.yaml and in the tables."), "name": text("For people."), "time_zone": text("By its IANA name."), "today": dateText("The store-day that is open."),
	})
}

func panelSchema() object {
	return members(object{
		"id": text("As in the path of its rows."), "dashboard": object{"type": "string", "enum": panels.Dashboards()}, "title": text(""), "question": text("What it answers, and how sure it is."),
		"chart": text("How it is drawn."), "columns": listOf(panelColumnSchema()),
	})
}

func panelColumnSchema() object {
	return members(object{
		"name": text(""), "label": text("For people."), "unit": text("What is counted; empty for names and dates."), "role": text("What the column is for; a state says why the column of of is a number or null."),
		"of": text("The column that an end of an interval or a state belongs to."),
	}, "of")
}

func panelRowsSchema() object {
	return members(object{
		"panel": text(""), "stores": listOf(object{"type": "string"}), "from": dateText(""), "to": dateText(""), "columns": listOf(panelColumnSchema()),
		"rows":  listOf(object{"type": "array", "items": object{"type": []string{"string", "number", "boolean", "null"}}}),
		"empty": text("Why there are no rows."),
	}, "empty")
}

func tableSchema() object {
	return members(object{
		"table": text(""), "key": listOf(object{"type": "string"}), "parameters": listOf(object{"type": "string"}),
		"columns": listOf(members(object{
			"name": text(""), "kind": object{"type": "string", "enum": kinds()}, "nullable": object{"type": "boolean"}, "unit": text("Empty where the comment says what is counted."),
			"comment": text("What the column holds."),
		})),
	})
}

func kinds() []Kind { return []Kind{Text, Date, Instant, Integer, Number, YesNo, Map} }
