#include "scenarios/language/reader.hpp"

#include <algorithm>
#include <set>

#include "scenarios/language/units.hpp"
#include "scenarios/language/words.hpp"
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

std::vector<std::string> keys_of(const Rows& rows) {
  std::vector<std::string> keys;
  for (const Row& row : rows) keys.push_back(row.key);
  return keys;
}

}  // namespace

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

void Record::read(const Field& field) const {
  if (!has(field.key)) return;
  if (field.shape == Shape::Names) return names(field);
  const Value value = get(field.key);
  if (const auto complaint = assign(field, value.scalar(field.shape))) value.fail(*complaint);
}

void Record::names(const Field& field) const {
  std::vector<std::string>& out = *std::get<std::vector<std::string>*>(field.slot);
  out.clear();
  std::size_t index = 0;
  for (const std::string& text : scalars(field.key)) {
    const Value list = get(field.key);
    const Value value{value_.file, list.node[index], list.path, std::nullopt};
    ++index;
    if (!is_name(text)) value.fail("`" + shorten(text) + "` is not a name");
    if (std::find(out.begin(), out.end(), text) != out.end()) {
      value.fail("`" + text + "` stands in this list twice");
    }
    out.push_back(text);
  }
}

std::vector<std::string> Record::scalars(const std::string& key) const {
  std::vector<std::string> all;
  if (!has(key)) return all;
  const Value list = get(key);
  const Shape shape = row(key).shape;
  if (!list.node.IsSequence()) list.fail("expected " + std::string(example_of(shape)));
  for (const auto& item : list.node) {
    const Value value{value_.file, item, list.path, std::nullopt};
    if (!item.IsScalar()) value.fail("expected " + std::string(example_of(shape)));
    all.push_back(item.Scalar());
  }
  return all;
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

namespace {

/// Moves a place into the scalar that stands there, quoted or not, on one line.
Place within(Place place, const std::string& text, const std::string& scalar, std::size_t offset) {
  std::size_t at = 0;
  for (int line = 1; line < place.line && at != std::string::npos; ++line) {
    at = text.find('\n', at);
    if (at != std::string::npos) ++at;
  }
  if (at == std::string::npos || place.line == 0) return place;
  at += static_cast<std::size_t>(place.column - 1);
  const bool quoted = at < text.size() && (text[at] == '"' || text[at] == '\'');
  if (quoted) ++at;
  if (at > text.size() || text.compare(at, scalar.size(), scalar) != 0) return place;
  place.column += static_cast<int>(offset) + (quoted ? 1 : 0);
  return place;
}

}  // namespace

Place locate(const Value& root, const std::string& path, const std::string& text,
             std::optional<std::size_t> offset) {
  Value at = root;
  std::size_t from = 0;
  while (from <= path.size()) {
    const std::size_t dot = std::min(path.find('.', from), path.size());
    const std::string step = path.substr(from, dot - from);
    from = dot + 1;
    Value next{at.file, {}, path.substr(0, dot), std::nullopt};
    if (at.node.IsMap()) {
      for (const auto& item : at.node) {
        if (item.first.Scalar() != step) continue;
        next.node.reset(item.second);
        if (item.second.IsNull()) next.home = Value{at.file, item.first, "", std::nullopt}.place();
      }
    } else if (at.node.IsSequence()) {
      const auto index = parse_count(step);
      if (index && *index < at.node.size()) next.node.reset(at.node[*index]);
    }
    if (next.node.IsNull() && !next.home) break;
    at.node.reset(next.node);
    at.path = next.path;
    at.home = next.home;
  }
  if (!offset || !at.node.IsScalar()) return at.place();
  return within(at.place(), text, at.node.Scalar(), *offset);
}

}  // namespace scenarios
