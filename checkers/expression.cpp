#include "checkers/expression.hpp"

#include <limits>
#include <string>
#include <utility>

#include "checkers/expression_tree.hpp"
#include "traces/assert.hpp"

namespace checkers {

namespace {

using Node = Expression::Node;
using Result = Expression::Result;

struct Value {
  Integer number = 0;
  std::string text;
};

/// Walks a tree; stops at the first thing that cannot be said.
class Walk {
 public:
  Walk(const ExpressionInput& input, std::string& why) : input_(input), why_(why) {}

  Result truth(const Node& node) {
    switch (node.what) {
      case Operator::Or:
      case Operator::And: {
        const Result decides = node.what == Operator::Or ? Result::True : Result::False;
        const Result first = truth(*node.left);
        if (first == decides || is_nothing(first)) return first;
        return truth(*node.right);
      }
      case Operator::Not: {
        const Result inner = truth(*node.left);
        if (is_nothing(inner)) return inner;
        return inner == Result::True ? Result::False : Result::True;
      }
      default:
        break;
    }
    Value value;
    if (!evaluate(node, value)) return stopped_;
    return value.number != 0 ? Result::True : Result::False;
  }

 private:
  static bool is_nothing(Result result) {
    return result == Result::Missing || result == Result::Failed;
  }

  bool stop(Result result, const char* why = "") {
    stopped_ = result;
    if (*why != '\0') why_ = why;
    return false;
  }

  bool evaluate(const Node& node, Value& out) {
    switch (node.what) {
      case Operator::Constant:
        out.number = node.number;
        out.text = node.text;
        return true;
      case Operator::Field:
      case Operator::Time:
      case Operator::Node:
        return leaf(node, out);
      case Operator::Or:
      case Operator::And:
      case Operator::Not: {
        const Result result = truth(node);
        if (is_nothing(result)) return stop(result);
        out.number = result == Result::True ? 1 : 0;
        return true;
      }
      default:
        break;
    }
    Value left;
    Value right;
    if (!evaluate(*node.left, left)) return false;
    if (node.right != nullptr && !evaluate(*node.right, right)) return false;
    const bool arithmetic = node.what >= Operator::Add;
    return arithmetic ? compute(node.what, left.number, right.number, out)
                      : compare(node, left, right, out);
  }

  bool leaf(const Node& node, Value& out) {
    const traces::Event* event = &input_.subject;
    if (node.event != kSubject) event = input_.captures[static_cast<std::size_t>(node.event)];
    if (event == nullptr) return stop(Result::Missing);
    if (node.what == Operator::Time) {
      out.number = event->time.ns;
    } else if (node.what == Operator::Node) {
      out.text = input_.names.of(event->node);
    } else {
      field(traces::field(*event, *node.field), out);
    }
    return true;
  }

  static void field(const traces::FieldValue& value, Value& out) {
    switch (value.kind) {
      case traces::FieldKind::I64:
      case traces::FieldKind::Time:
      case traces::FieldKind::Duration:
        out.number = value.as_signed();
        break;
      case traces::FieldKind::Text:
        out.text = value.text;
        break;
      case traces::FieldKind::Digest:
        out.text = traces::to_text(value.digest);
        break;
      default:
        out.number = value.number;
        break;
    }
  }

  static bool compare(const Node& node, const Value& a, const Value& b, Value& out) {
    const ValueKind kind = node.left->type.kind;
    const bool texts = kind == ValueKind::Text || kind == ValueKind::Digest;
    const int order = texts                  ? a.text.compare(b.text)
                      : a.number == b.number ? 0
                      : a.number < b.number  ? -1
                                             : 1;
    switch (node.what) {
      case Operator::Equal:
        out.number = order == 0;
        break;
      case Operator::Unequal:
        out.number = order != 0;
        break;
      case Operator::Less:
        out.number = order < 0;
        break;
      case Operator::LessEqual:
        out.number = order <= 0;
        break;
      case Operator::Greater:
        out.number = order > 0;
        break;
      default:
        HVSIM_ASSERT(node.what == Operator::GreaterEqual, "a comparison");
        out.number = order >= 0;
        break;
    }
    return true;
  }

  /// Every result is a number that a field could hold; what is not has overflowed.
  bool compute(Operator what, Integer a, Integer b, Value& out) {
    Integer result = 0;
    bool overflow = false;
    switch (what) {
      case Operator::Add:
        result = a + b;
        break;
      case Operator::Subtract:
        result = a - b;
        break;
      case Operator::Multiply:
        overflow = __builtin_mul_overflow(a, b, &result);
        break;
      case Operator::Divide:
        if (b == 0) return stop(Result::Failed, "division by 0");
        result = a / b;
        break;
      default:
        HVSIM_ASSERT(what == Operator::Negate, "arithmetic");
        result = -a;
        break;
    }
    const bool fits = result >= std::numeric_limits<std::int64_t>::min() &&
                      result <= std::numeric_limits<std::uint64_t>::max();
    if (overflow || !fits) return stop(Result::Failed, "a result that does not fit in 64 bits");
    out.number = result;
    return true;
  }

  const ExpressionInput& input_;
  std::string& why_;
  Result stopped_ = Result::Failed;
};

}  // namespace

Expression::Expression(std::string_view text, const ExpressionScope& scope)
    : root_(read_expression(text, scope)) {}
Expression::~Expression() = default;
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;

Result Expression::test(const ExpressionInput& input, std::string& why) const {
  return Walk(input, why).truth(*root_);
}

}  // namespace checkers
