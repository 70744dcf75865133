// The JSON Schema of scenario files, made from the grammar's rows.
#include <nlohmann/json.hpp>

#include "scenarios/language/grammar.hpp"
#include "scenarios/language/parser.hpp"

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
    case Shape::Record:
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
      break;
    case Shape::Fields:
      schema["type"] = "object";
      schema["required"] = Json::array({"event"});
      break;
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

}  // namespace

std::string json_schema() {
  Json schema;
  schema["$schema"] = "http://json-schema.org/draft-07/schema#";
  schema["title"] = "hvsim scenario";
  schema.update(record_schema(scenario_rows()));
  return schema.dump(2) + "\n";
}

}  // namespace scenarios
