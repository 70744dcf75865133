// Reads expressions: words, then operators by precedence, kinds checked on the way.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checkers/expression_tree.hpp"
#include "checkers/expression_words.hpp"

namespace checkers {

namespace {

using Node = Expression::Node;
using NodePtr = std::unique_ptr<Node>;

constexpr std::size_t kLongest = 1000;  // characters
constexpr int kDeepest = 60;            // nested parentheses and signs

[[noreturn]] void fail(std::size_t offset, std::string text, std::string word = {},
                       std::vector<std::string> known = {}) {
  throw ExpressionMistake{offset, std::move(text), std::move(word), std::move(known)};
}

/// `a number`, for complaints.
std::string name_of(const ValueType& type) {
  switch (type.kind) {
    case ValueKind::Truth:
      return "a truth value";
    case ValueKind::Number:
      return "a number";
    case ValueKind::Size:
      return "a size";
    case ValueKind::Duration:
      return "a duration";
    case ValueKind::Text:
      return "text";
    case ValueKind::Digest:
      return "a digest";
    case ValueKind::Enum:
      return "a " + std::string(type.enumeration->name);
  }
  return "";
}

class Reader {
 public:
  Reader(std::string_view text, const ExpressionScope& scope)
      : scope_(scope), words_(words_of(text)) {}

  NodePtr read() {
    NodePtr root = either();
    if (peek().token != Token::End) {
      fail(peek().offset, "expected an operator or the end, not `" + peek().text + "`");
    }
    if (root->type.kind != ValueKind::Truth) {
      fail(0, "a condition is true or false; this is " + name_of(root->type));
    }
    return root;
  }

 private:
  const Lexeme& peek() const { return words_[at_]; }
  Lexeme take() { return words_[at_ + 1 < words_.size() ? at_++ : at_]; }
  bool is(Token token, std::string_view text) const {
    return peek().token == token && peek().text == text;
  }

  static NodePtr join(Operator what, ValueType type, NodePtr left, NodePtr right = nullptr) {
    auto node = std::make_unique<Node>();
    node->what = what;
    node->type = type;
    node->left = std::move(left);
    node->right = std::move(right);
    return node;
  }

  static void want_truth(const NodePtr& node, const Lexeme& word) {
    if (node->type.kind == ValueKind::Truth) return;
    fail(word.offset, "`" + word.text + "` joins conditions, not " + name_of(node->type));
  }

  NodePtr either() {
    NodePtr left = both();
    while (is(Token::Word, "or")) {
      const Lexeme word = take();
      NodePtr right = both();
      want_truth(left, word);
      want_truth(right, word);
      left = join(Operator::Or, {ValueKind::Truth}, std::move(left), std::move(right));
    }
    return left;
  }

  NodePtr both() {
    NodePtr left = negation();
    while (is(Token::Word, "and")) {
      const Lexeme word = take();
      NodePtr right = negation();
      want_truth(left, word);
      want_truth(right, word);
      left = join(Operator::And, {ValueKind::Truth}, std::move(left), std::move(right));
    }
    return left;
  }

  NodePtr negation() {
    if (!is(Token::Word, "not")) return comparison();
    const Lexeme word = take();
    deeper(word);
    NodePtr inner = negation();
    --depth_;
    want_truth(inner, word);
    return join(Operator::Not, {ValueKind::Truth}, std::move(inner));
  }

  static std::optional<Operator> comparison_of(const Lexeme& word) {
    if (word.token != Token::Sign) return std::nullopt;
    static constexpr std::array<std::pair<std::string_view, Operator>, 6> kAll{
        {{"==", Operator::Equal},
         {"!=", Operator::Unequal},
         {"<", Operator::Less},
         {"<=", Operator::LessEqual},
         {">", Operator::Greater},
         {">=", Operator::GreaterEqual}}};
    for (const auto& [text, what] : kAll) {
      if (text == word.text) return what;
    }
    return std::nullopt;
  }

  NodePtr comparison() {
    // A word may be the name of an enumeration's value: the other side says of which.
    const std::size_t start = at_;
    if (const auto swapped = enum_first()) {
      at_ = *swapped;
      const Lexeme sign = take();
      NodePtr right = sum();
      NodePtr left = enum_value(words_[start], right->type);
      return compared(sign, words_[start].offset, std::move(left), std::move(right));
    }
    NodePtr left = sum();
    if (!comparison_of(peek())) return left;
    const Lexeme sign = take();
    const Lexeme first = peek();
    NodePtr right = left->type.kind == ValueKind::Enum && single_word(at_)
                        ? enum_value(take(), left->type)
                        : sum();
    if (comparison_of(peek())) {
      fail(peek().offset, "comparisons do not chain; join two with `and`");
    }
    return compared(sign, first.offset, std::move(left), std::move(right));
  }

  /// `aborted == outcome`: the place of the sign, when a word that is no name stands before one.
  std::optional<std::size_t> enum_first() const {
    if (!single_word(at_) || !comparison_of(words_[at_ + 1])) return std::nullopt;
    const std::string& word = words_[at_].text;
    if (word.find('.') != std::string::npos || is_name(word)) return std::nullopt;
    for (const traces::EnumInfo& one : traces::all_enums()) {
      if (one.value_of(word)) return at_ + 1;
    }
    return std::nullopt;
  }

  /// A word or quoted text that stands alone beside a comparison.
  bool single_word(std::size_t at) const {
    const Token token = words_[at].token;
    if (token != Token::Word && token != Token::Text) return false;
    if (words_[at].text == "not") return false;
    const Lexeme& next = words_[std::min(at + 1, words_.size() - 1)];
    const bool goes_on = next.token == Token::Sign &&
                         std::string_view("+-*/").find(next.text) != std::string_view::npos;
    return !goes_on;
  }

  bool is_name(const std::string& word) const {
    return word == "true" || word == "false" || word == "time" || word == "node" ||
           scope_.subject->find(word) != nullptr;
  }

  NodePtr enum_value(const Lexeme& word, const ValueType& type) const {
    if (type.kind != ValueKind::Enum) return name(word);
    auto node = std::make_unique<Node>();
    node->type = type;
    if (const auto value = type.enumeration->value_of(word.text)) {
      node->number = *value;
      return node;
    }
    if (word.token == Token::Word &&
        (word.text.find('.') != std::string::npos || is_name(word.text))) {
      return name(word);
    }
    std::vector<std::string> known;
    for (const auto& value : type.enumeration->values) known.emplace_back(value.name);
    fail(word.offset,
         "`" + std::string(type.enumeration->name) + "` has no value `" + word.text + "`",
         word.text, known);
  }

  static bool is_zero(const Node& node) {
    return node.what == Operator::Constant && node.type.kind == ValueKind::Number &&
           node.number == 0;
  }

  static bool is_measure(ValueKind kind) {
    return kind == ValueKind::Number || kind == ValueKind::Size || kind == ValueKind::Duration;
  }

  /// 0 is 0 in every unit.
  static void adapt(Node& a, const Node& b) {
    if (is_zero(a) && is_measure(b.type.kind)) a.type = b.type;
  }

  NodePtr compared(const Lexeme& sign, std::size_t right_at, NodePtr left, NodePtr right) const {
    adapt(*left, *right);
    adapt(*right, *left);
    if (!(left->type == right->type)) {
      fail(right_at, "cannot compare " + name_of(left->type) + " with " + name_of(right->type) +
                         unit_hint(left->type, right->type));
    }
    const Operator what = *comparison_of(sign);
    const bool ordered = what != Operator::Equal && what != Operator::Unequal;
    if (ordered && !is_measure(left->type.kind)) {
      fail(sign.offset,
           "`" + sign.text + "` orders numbers, sizes and durations, not " + name_of(left->type));
    }
    return join(what, {ValueKind::Truth}, std::move(left), std::move(right));
  }

  static std::string unit_hint(const ValueType& a, const ValueType& b) {
    const bool number = a.kind == ValueKind::Number
                            ? is_measure(b.kind)
                            : b.kind == ValueKind::Number && is_measure(a.kind);
    if (!number) return "";
    const bool size = a.kind == ValueKind::Size || b.kind == ValueKind::Size;
    return size ? "; sizes carry a unit such as 64MiB" : "; durations carry a unit such as 20ms";
  }

  NodePtr sum() {
    NodePtr left = product();
    while (is(Token::Sign, "+") || is(Token::Sign, "-")) {
      const Lexeme sign = take();
      NodePtr right = product();
      adapt(*left, *right);
      adapt(*right, *left);
      if (!is_measure(left->type.kind) || !(left->type == right->type)) {
        fail(sign.offset, "`" + sign.text + "` does not join " + name_of(left->type) + " and " +
                              name_of(right->type) + unit_hint(left->type, right->type));
      }
      const ValueType type = left->type;
      left = join(sign.text == "+" ? Operator::Add : Operator::Subtract, type, std::move(left),
                  std::move(right));
    }
    return left;
  }

  NodePtr product() {
    NodePtr left = factor();
    while (is(Token::Sign, "*") || is(Token::Sign, "/")) {
      const Lexeme sign = take();
      NodePtr right = factor();
      const auto type = product_type(sign.text == "/", left->type, right->type);
      if (!type) {
        fail(sign.offset, "`" + sign.text + "` does not join " + name_of(left->type) + " and " +
                              name_of(right->type));
      }
      left = join(sign.text == "*" ? Operator::Multiply : Operator::Divide, *type, std::move(left),
                  std::move(right));
    }
    return left;
  }

  static std::optional<ValueType> product_type(bool divides, ValueType a, ValueType b) {
    if (!is_measure(a.kind) || !is_measure(b.kind)) return std::nullopt;
    if (b.kind == ValueKind::Number) return a;
    if (divides) return a == b ? std::optional(ValueType{ValueKind::Number}) : std::nullopt;
    return a.kind == ValueKind::Number ? std::optional(b) : std::nullopt;
  }

  void deeper(const Lexeme& word) {
    if (++depth_ > kDeepest) fail(word.offset, "nested too deeply");
  }

  NodePtr factor() {
    const Lexeme word = take();
    if (word.token == Token::Sign && word.text == "-") {
      deeper(word);
      NodePtr inner = factor();
      --depth_;
      if (!is_measure(inner->type.kind)) {
        fail(word.offset, "`-` stands before a number, not " + name_of(inner->type));
      }
      const ValueType type = inner->type;
      return join(Operator::Negate, type, std::move(inner));
    }
    if (word.token == Token::Sign && word.text == "(") {
      deeper(word);
      NodePtr inner = either();
      --depth_;
      if (!is(Token::Sign, ")")) fail(peek().offset, "expected `)`");
      take();
      return inner;
    }
    switch (word.token) {
      case Token::Number:
        return constant(word);
      case Token::Text: {
        auto node = std::make_unique<Node>();
        node->type = {ValueKind::Text};
        node->text = word.text;
        return node;
      }
      case Token::Word:
        return name(word);
      case Token::End:
        fail(word.offset, "something is missing at the end");
      case Token::Sign:
        break;
    }
    fail(word.offset, "expected a field or a value, not `" + word.text + "`");
  }

  static NodePtr constant(const Lexeme& word) {
    const auto measure = measure_of(word.text);
    if (!measure) {
      fail(word.offset, "`" + word.text +
                            "` is not a number, a size such as 64MiB or a duration "
                            "such as 20ms");
    }
    auto node = std::make_unique<Node>();
    node->type = {measure->kind};
    node->number = measure->number;
    return node;
  }

  NodePtr name(const Lexeme& word) const {
    const std::size_t dot = word.text.find('.');
    if (dot == std::string::npos) {
      if (word.text == "true" || word.text == "false") {
        auto node = std::make_unique<Node>();
        node->number = word.text == "true" ? 1 : 0;
        return node;
      }
      return field(word, word.text, *scope_.subject, kSubject);
    }
    const std::string capture = word.text.substr(0, dot);
    std::vector<std::string> known;
    for (std::size_t i = 0; i < scope_.captures.size(); ++i) {
      const auto& [name, info] = scope_.captures[i];
      if (name == capture) {
        return field(word, word.text.substr(dot + 1), *info, static_cast<int>(i));
      }
      if (!name.empty()) known.push_back(name);
    }
    const std::string hint = known.empty() ? "; `as: NAME` gives an earlier event a name" : "";
    fail(word.offset, "there is no event `" + capture + "` here" + hint, capture, known);
  }

  static NodePtr field(const Lexeme& word, const std::string& key, const traces::EventInfo& info,
                       int event) {
    auto node = std::make_unique<Node>();
    node->event = event;
    // A field of this name comes first; none of today's events has one.
    node->field = info.find(key);
    if (node->field != nullptr) {
      node->what = Operator::Field;
      node->type = type_of(word, *node->field);
    } else if (key == "time") {
      node->what = Operator::Time;
      node->type = {ValueKind::Duration};
    } else if (key == "node") {
      node->what = Operator::Node;
      node->type = {ValueKind::Text};
    } else {
      std::vector<std::string> known;
      for (const auto& one : info.fields) known.emplace_back(one.name);
      known.emplace_back("time");
      known.emplace_back("node");
      fail(word.offset,
           "event `" + std::string(info.name) + "` has no field `" + key +
               "` (text stands in quotes)",
           key, known);
    }
    return node;
  }

  static ValueType type_of(const Lexeme& word, const traces::FieldInfo& field) {
    switch (field.kind) {
      case traces::FieldKind::Bool:
        return {ValueKind::Truth};
      case traces::FieldKind::Time:
      case traces::FieldKind::Duration:
        return {ValueKind::Duration};
      case traces::FieldKind::Text:
        return {ValueKind::Text};
      case traces::FieldKind::Digest:
        return {ValueKind::Digest};
      case traces::FieldKind::Enum:
        return {ValueKind::Enum, field.enumeration};
      case traces::FieldKind::Bytes:
        fail(word.offset, "`" + word.text + "` is a string of bytes; no condition can be on it");
      default:
        // The schema calls what counts bytes by this name.
        return {field.name == "bytes" ? ValueKind::Size : ValueKind::Number};
    }
  }

  const ExpressionScope& scope_;
  std::vector<Lexeme> words_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

std::unique_ptr<Expression::Node> read_expression(std::string_view text,
                                                  const ExpressionScope& scope) {
  if (text.size() > kLongest) fail(0, "too long; a condition has at most 1000 characters");
  return Reader(text, scope).read();
}

}  // namespace checkers
