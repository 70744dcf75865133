// The JSON Schema that editors use, and the parser: they come from one table and must agree.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "scenarios/language/parser.hpp"
#include "scenarios/language/writer.hpp"
#include "tests/scenarios/language/generated.hpp"
#include "tests/scenarios/language/library.hpp"

namespace scenarios {
namespace {

using Json = nlohmann::json;

/// As an editor reads YAML: plain integers are numbers, true and false are truth values, an absent
/// value is null, the rest is text.
Json to_json(const YAML::Node& node) {
  if (node.IsMap()) {
    Json object = Json::object();
    for (const auto& item : node) object[item.first.Scalar()] = to_json(item.second);
    return object;
  }
  if (node.IsSequence()) {
    Json array = Json::array();
    for (const auto& item : node) array.push_back(to_json(item));
    return array;
  }
  if (node.IsNull()) return nullptr;
  const std::string text = node.Scalar();
  if (node.Tag() == "!") return text;  // in quotes
  if (text == "true" || text == "false") return text == "true";
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  if (digits && text.size() < 19) return std::stoll(text);
  // Numbers of decisions have 64 bits; the validator's have a sign.
  if (digits && text.size() < 21) return std::numeric_limits<std::int64_t>::max();
  return text;
}

/// Complaints of the schema about a scenario, "" when it is valid.
std::string complaints(const std::string& yaml) {
  static const Json rules = Json::parse(json_schema());
  static const valijson::Schema& schema = [&]() -> const valijson::Schema& {
    static valijson::Schema made;
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(rules), made);
    return made;
  }();
  const Json document = to_json(YAML::Load(yaml));
  valijson::Validator validator;
  valijson::ValidationResults results;
  const valijson::adapters::NlohmannJsonAdapter target(document);
  if (validator.validate(schema, target, &results)) return "";
  std::string all;
  for (const auto& error : results) all += error.description + "\n";
  return all;
}

std::string changed(const std::string& from, const std::string& to) {
  std::string text = test::quickstart();
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::logic_error("not in the quickstart: " + from);
  return text.replace(at, from.size(), to);
}

TEST(Schema, AcceptsTheWholeLibrary) {
  for (const auto& file : test::library_files()) {
    EXPECT_EQ(complaints(test::text_of(file)), "") << file;
  }
}

TEST(Schema, AcceptsAHostWithoutContent) {
  EXPECT_EQ(complaints(changed("beta: {memory: 4GiB}", "beta:")), "");
}

TEST(Schema, RefusesWhatTheParserRefusesByShape) {
  const std::string wrong[] = {
      changed("platform:", "plattform:"),   changed("    memory: 64MiB", "    memory: 64MB"),
      changed("at: 500ms", "at: -500ms"),   changed("seed: 1\n", "seed: one\n"),
      changed("10Gbit/s", "10GB/s"),        changed("  web:", "  my web:"),
      changed("    host: alpha\n", ""),     changed("end: 1200ms\n", ""),
      changed("panic: true", "panic: yes"), changed("[alpha, beta]", "[alpha, alpha]"),
      changed("[alpha, beta]", "alpha"),    changed("  - at: 500ms\n    move-vm", "  - move-vm"),
  };
  for (const std::string& text : wrong) {
    EXPECT_NE(complaints(text), "") << text;
    EXPECT_THROW(parse_scenario("s.yaml", text), UserError) << text;
  }
}

RC_GTEST_PROP(Schema, AcceptsWhatIsWritten, ()) {
  const std::string text = write_scenario(test::generated_scenario());
  const std::string found = complaints(text);
  if (!found.empty()) RC_FAIL(found + text);
}

TEST(Schema, CompletesEventsAndTheirFields) {
  const Json rules = Json::parse(json_schema());
  bool found = false;
  for (const Json& one : rules["definitions"]["when"]["anyOf"]) {
    if (one["properties"]["event"]["const"] != "migration.phase") continue;
    found = true;
    EXPECT_TRUE(one["properties"].contains("vm"));
    const Json& phases = one["properties"]["phase"]["enum"];
    EXPECT_NE(std::find(phases.begin(), phases.end(), "stop_and_copy"), phases.end());
  }
  EXPECT_TRUE(found);
  const std::string trigger = "faults:\n  - kill-host: alpha\n    when: ";
  EXPECT_EQ(complaints(test::quickstart() + trigger + "{event: vm.state, vm: 1}\n"), "");
  EXPECT_NE(complaints(test::quickstart() + trigger + "{event: vm.stat}\n"), "");
  EXPECT_NE(complaints(test::quickstart() + trigger + "{event: vm.state, wm: 1}\n"), "");
  EXPECT_EQ(complaints(test::quickstart() + "  - never: {event: vm.state}\n"), "");
  EXPECT_NE(complaints(test::quickstart() + "  - never: {event: vm.stat}\n"), "");
  EXPECT_NE(complaints(test::quickstart() + "  - never: {event: vm.state, were: x}\n"), "");
}

TEST(Schema, DescribesEveryKey) {
  const Json rules = Json::parse(json_schema());
  for (const auto& [key, value] : rules["properties"].items()) {
    EXPECT_FALSE(value["description"].get<std::string>().empty()) << key;
  }
}

}  // namespace
}  // namespace scenarios
