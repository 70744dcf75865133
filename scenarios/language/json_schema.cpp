// The JSON Schema of scenario files, made from the grammar's rows.
#include <nlohmann/json.hpp>

#include "scenarios/language/grammar.hpp"
#include "scenarios/language/parser.hpp"
#include "traces/reflection.hpp"

namespace scenarios {

namespace {

using Json = nlohmann::ordered_json;

Json record_schema(const Rows& rows);

Json scalar_schema(Shape shape) {
  Json schema;
  switch (shape) {
    case Shape::True:
      schema["const"] = true;
      break;
    case Shape::Count:
      schema["type"] = "integer";
      schema["minimum"] = 0;
      break;
    case Shape::Quantity:
      schema["anyOf"] = Json::array({scalar_schema(Shape::Percent), scalar_schema(Shape::Duration),
                                     scalar_schema(Shape::Rate), scalar_schema(Shape::Size),
                                     scalar_schema(Shape::Count)});
      break;
    default:
      schema["type"] = "string";
      if (*pattern_of(shape) != '\0') schema["pattern"] = pattern_of(shape);
      break;
  }
  return schema;
}

Json value_schema(const Row& row) {
  Json schema;
  switch (row.shape) {
    case Shape::Names:
      schema["type"] = "array";
      schema["items"] = scalar_schema(Shape::Name);
      schema["uniqueItems"] = true;
      break;
    case Shape::Scalars:
      schema["type"] = "array";
      schema["items"]["type"] = Json::array({"string", "integer", "boolean"});
      schema["minItems"] = 1;
      break;
    case Shape::Numbers:
      schema["type"] = "array";
      schema["items"] = scalar_schema(Shape::Count);
      schema["maxItems"] = 4;
      break;
    case Shape::Record:
      if (row.rows == &pattern_rows()) {
        schema["$ref"] = "#/definitions/events";
        return schema;
      }
      schema = record_schema(*row.rows);
      break;
    case Shape::Mapping: {
      schema["type"] = "object";
      schema["propertyNames"]["pattern"] = pattern_of(Shape::Name);
      Json content = record_schema(*row.rows);
      // A name with nothing after it takes every default.
      if (!content.contains("required")) content["type"] = Json::array({"object", "null"});
      schema["additionalProperties"] = content;
      break;
    }
    case Shape::Sequence:
      schema["type"] = "array";
      schema["items"] = record_schema(*row.rows);
      if (row.rows == &pattern_rows()) {
        schema["items"] = {{"$ref", "#/definitions/events"}};
      }
      break;
    case Shape::Fields:
      schema["$ref"] = "#/definitions/when";
      return schema;  // beside a reference nothing counts
    default:
      schema = scalar_schema(row.shape);
      break;
  }
  schema["description"] = row.what;
  return schema;
}

Json record_schema(const Rows& rows) {
  Json schema;
  schema["type"] = "object";
  schema["additionalProperties"] = false;
  for (const Row& row : rows) {
    schema["properties"][row.key] = value_schema(row);
    if (row.required) schema["required"].push_back(row.key);
  }
  return schema;
}

Json described(const std::string& what) { return {{"description", what}}; }

/// One alternative per event, so that an editor completes the fields of the one that is named.
Json when_schema() {
  Json all = Json::array();
  for (const traces::EventInfo& event : traces::all_events()) {
    if (event.level != 0) continue;
    Json one = described(std::string(event.doc));
    one["type"] = "object";
    one["required"] = Json::array({"event"});
    one["additionalProperties"] = false;
    one["properties"]["event"]["const"] = event.name;
    one["properties"]["node"] = described("where it happens");
    for (const traces::FieldInfo& field : event.fields) {
      Json value = described(std::string(field.doc));
      if (field.enumeration != nullptr) {
        for (const auto& entry : field.enumeration->values) value["enum"].push_back(entry.name);
      }
      one["properties"][std::string(field.name)] = value;
    }
    all.push_back(one);
  }
  return {{"anyOf", all}};
}

/// The events of a pattern; the fields that a condition can name stand in its description.
Json events_schema() {
  Json all = Json::array();
  for (const traces::EventInfo& event : traces::all_events()) {
    Json one = record_schema(pattern_rows());
    one["description"] = event.doc;
    one["properties"]["event"] = {{"const", event.name}};
    std::string fields = "condition on time, node";
    for (const traces::FieldInfo& field : event.fields) fields += ", " + std::string(field.name);
    one["properties"]["where"]["description"] = fields;
    all.push_back(one);
  }
  return {{"anyOf", all}};
}

}  // namespace

std::string json_schema() {
  Json schema;
  schema["$schema"] = "http://json-schema.org/draft-07/schema#";
  schema["title"] = "hvsim scenario";
  schema.update(record_schema(scenario_rows()));
  schema["definitions"]["when"] = when_schema();
  schema["definitions"]["events"] = events_schema();
  return schema.dump(2) + "\n";
}

}  // namespace scenarios
