#include "scenarios/language/reader.hpp"

#include <algorithm>
#include <regex>
#include <set>

#include "scenarios/language/units.hpp"
#include "traces/assert.hpp"

namespace scenarios {

namespace {

/// What users wrote is quoted in complaints; a line break in it would make two lines, an escape
/// sequence would reach the terminal.
std::string one_line(const std::string& text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    static constexpr char kHex[] = "0123456789abcdef";
    if (byte >= 0x20 && byte != 0x7f) {
      line += c;
    } else {
      line += std::string("\\x") + kHex[byte >> 4] + kHex[byte & 15];
    }
  }
  return line;
}

}  // namespace

UserError::UserError(const Place& place, const std::string& text)
    : UserError((place.line > 0 ? place.file + ":" + std::to_string(place.line) + ":" +
                                      std::to_string(place.column)
                                : place.file) +
                ": " + text) {}

UserError::UserError(const std::string& text) : std::runtime_error(one_line(text)) {}

namespace {

std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

std::vector<std::string> keys_of(const Rows& rows) {
  std::vector<std::string> keys;
  for (const Row& row : rows) keys.push_back(row.key);
  return keys;
}

std::string shorten(const std::string& text) {
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

bool is_name(const std::string& text) {
  static const std::regex pattern(pattern_of(Shape::Name));
  return text.size() <= 63 && std::regex_match(text, pattern);
}

}  // namespace

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  if (word.size() > 64) return "";
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t d = distance(word, candidate);
    if (d < best_distance) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& known) {
  const std::string near = nearest(word, known);
  if (!near.empty()) return ", did you mean `" + near + "`?";
  std::string list = ", known: ";
  for (std::size_t i = 0; i < known.size(); ++i) list += (i == 0 ? "" : ", ") + known[i];
  return known.empty() ? "" : list;
}

Place Value::place() const {
  if (home) return *home;
  const YAML::Mark mark = node.Mark();
  if (mark.is_null()) return {path.empty() ? file : "--set " + path, 0, 0};
  return {file, mark.line + 1, mark.column + 1};  // yaml-cpp counts from 0
}

void Value::fail(const std::string& text) const { throw UserError(place(), text); }

std::string Value::scalar(Shape shape) const {
  if (!node.IsScalar()) fail("expected " + std::string(example_of(shape)));
  return node.Scalar();
}

Record::Record(Value value, const Rows& rows) : value_(std::move(value)), rows_(rows) {
  if (!value_.node.IsMap())
    value_.fail("expected a mapping with keys" + suggestion("", keys_of(rows)));
  std::set<std::string> seen;
  for (const auto& item : value_.node) {
    Value key{value_.file, item.first, value_.path, std::nullopt};
    const std::string word = key.scalar(Shape::Name);
    key.path += (key.path.empty() ? "" : ".") + word;
    if (!seen.insert(word).second)
      key.fail("`" + shorten(word) + "` stands here twice; remove one");
    const bool known =
        std::any_of(rows.begin(), rows.end(), [&word](const Row& row) { return row.key == word; });
    if (!known) {
      key.fail("unknown key `" + shorten(word) + "`" + suggestion(word, keys_of(rows)));
    }
  }
  for (const Row& row : rows) {
    if (row.required && seen.count(row.key) == 0) {
      value_.fail("`" + row.key + "` is missing (" + row.what + "): " + example_of(row.shape));
    }
  }
}

const Row& Record::row(const std::string& key) const {
  for (const Row& row : rows_) {
    if (row.key == key) return row;
  }
  HVSIM_ASSERT(false, "the parser asks for keys of the grammar only");
  return rows_.front();
}

bool Record::has(const std::string& key) const { return value_.node[key].IsDefined(); }

Value Record::get(const std::string& key) const {
  const std::string path = value_.path.empty() ? key : value_.path + "." + key;
  Value value{value_.file, value_.node[key], path, std::nullopt};
  if (value.node.IsDefined() && value.node.IsNull()) {
    // yaml-cpp places an absent value at whatever follows it.
    for (const auto& item : value_.node) {
      if (item.first.Scalar() == key)
        value.home = Value{value_.file, item.first, path, std::nullopt}.place();
    }
  }
  return value;
}

void Record::text(const std::string& key, std::string& out) const {
  if (has(key)) out = get(key).scalar(Shape::Text);
}

void Record::name(const std::string& key, std::string& out) const {
  if (!has(key)) return;
  const Value value = get(key);
  const std::string text = value.scalar(Shape::Name);
  if (!is_name(text)) {
    value.fail("`" + shorten(text) + "` is not a name: letters, digits, - and _, at most 63");
  }
  out = text;
}

void Record::names(const std::string& key, std::vector<std::string>& out) const {
  if (!has(key)) return;
  const Value list = get(key);
  if (!list.node.IsSequence()) list.fail("expected " + std::string(example_of(Shape::Names)));
  out.clear();
  for (const auto& item : list.node) {
    const Value value{value_.file, item, list.path, std::nullopt};
    const std::string text = value.scalar(Shape::Name);
    if (!is_name(text)) value.fail("`" + shorten(text) + "` is not a name");
    if (std::find(out.begin(), out.end(), text) != out.end()) {
      value.fail("`" + text + "` stands in this list twice");
    }
    out.push_back(text);
  }
}

void Record::count(const std::string& key, std::uint64_t& out, std::uint64_t low,
                   std::uint64_t high) const {
  if (!has(key)) return;
  const Value value = get(key);
  const std::string text = value.scalar(Shape::Count);
  const auto parsed = parse_count(text);
  if (!parsed || *parsed < low || *parsed > high) {
    value.fail("`" + shorten(text) + "` is not a whole number from " + std::to_string(low) +
               " to " + std::to_string(high));
  }
  out = *parsed;
}

void Record::size(const std::string& key, std::uint64_t& out) const {
  if (!has(key)) return;
  const Value value = get(key);
  const std::string text = value.scalar(Shape::Size);
  const auto parsed = parse_size(text);
  if (!parsed) value.fail("`" + shorten(text) + "` is not " + example_of(Shape::Size));
  out = *parsed;
}

void Record::rate(const std::string& key, std::uint64_t& out) const {
  if (!has(key)) return;
  const Value value = get(key);
  const std::string text = value.scalar(Shape::Rate);
  const auto parsed = parse_rate(text);
  if (!parsed || *parsed == 0) {
    value.fail("`" + shorten(text) + "` is not " + example_of(Shape::Rate));
  }
  out = *parsed;
}

void Record::duration(const std::string& key, sim::Duration& out) const {
  if (!has(key)) return;
  const Value value = get(key);
  const std::string text = value.scalar(Shape::Duration);
  const auto parsed = parse_duration(text);
  if (!parsed) {
    const bool negative = !text.empty() && text[0] == '-';
    value.fail("`" + shorten(text) + "` is not " + example_of(Shape::Duration) +
               (negative ? "; it cannot be negative" : ""));
  }
  out = *parsed;
}

void Record::percent(const std::string& key, sim::Chance& out) const {
  if (!has(key)) return;
  const Value value = get(key);
  const std::string text = value.scalar(Shape::Percent);
  const auto parsed = parse_percent(text);
  if (!parsed) value.fail("`" + shorten(text) + "` is not " + example_of(Shape::Percent));
  out = *parsed;
}

std::vector<std::pair<std::string, Record>> Record::mapping(const std::string& key) const {
  std::vector<std::pair<std::string, Record>> all;
  if (!has(key)) return all;
  const Value value = get(key);
  if (!value.node.IsMap()) value.fail("expected " + std::string(example_of(Shape::Mapping)));
  for (const auto& item : value.node) {
    const Value entry{value_.file, item.first, value.path, std::nullopt};
    const std::string word = entry.scalar(Shape::Name);
    if (!is_name(word)) entry.fail("`" + shorten(word) + "` is not a name");
    for (const auto& [other, record] : all) {
      if (other == word) entry.fail("`" + word + "` is defined twice; names are unique");
    }
    Value content{value_.file, item.second, value.path + "." + word, std::nullopt};
    // `alpha:` with nothing after it: everything at its default.
    if (content.node.IsNull()) {
      content.node = YAML::Node(YAML::NodeType::Map);
      content.home = entry.place();
    }
    all.emplace_back(word, Record(content, *row(key).rows));
  }
  return all;
}

std::vector<Record> Record::sequence(const std::string& key) const {
  std::vector<Record> all;
  if (!has(key)) return all;
  const Value value = get(key);
  if (!value.node.IsSequence()) value.fail("expected " + std::string(example_of(Shape::Sequence)));
  std::size_t index = 0;
  for (const auto& item : value.node) {
    const Value entry{value_.file, item, value.path + "." + std::to_string(index++), std::nullopt};
    all.emplace_back(entry, *row(key).rows);
  }
  return all;
}

std::optional<Record> Record::record(const std::string& key) const {
  if (!has(key)) return std::nullopt;
  return Record(get(key), *row(key).rows);
}

std::vector<std::pair<std::string, std::string>> Record::fields(const std::string& key) const {
  std::vector<std::pair<std::string, std::string>> all;
  if (!has(key)) return all;
  const Value value = get(key);
  if (!value.node.IsMap()) value.fail("expected " + std::string(example_of(Shape::Fields)));
  for (const auto& item : value.node) {
    const Value name{value_.file, item.first, value.path, std::nullopt};
    const std::string word = name.scalar(Shape::Name);
    for (const auto& [other, text] : all) {
      if (other == word) name.fail("`" + shorten(word) + "` stands here twice; remove one");
    }
    const Value content{value_.file, item.second, value.path + "." + word, std::nullopt};
    all.emplace_back(word, content.scalar(Shape::Text));
  }
  return all;
}

}  // namespace scenarios
