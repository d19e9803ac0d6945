// Rendering a template over facts.
#include <algorithm>
#include <optional>
#include <utility>

#include "provisioning/escape.hpp"
#include "provisioning/template.hpp"
#include "provisioning/userdata.hpp"

namespace slipway::provisioning {
namespace {

using Expression = TemplateExpression;

// Nothing, false, 0, and what is empty do not count as true.
bool is_true(const Value* value) {
  if (value == nullptr || value->is_null()) return false;
  if (const auto* flag = std::get_if<bool>(&value->data)) return *flag;
  if (const auto* number = std::get_if<std::int64_t>(&value->data)) return *number != 0;
  if (const auto* text = value->revealed()) return !text->empty();
  if (const auto* list = value->list()) return !list->empty();
  if (const auto* map = value->map()) return !map->empty();
  return true;
}

// A secret equals the text that it holds; what is not there equals nothing but itself.
bool is_same(const Value* a, const Value* b) {
  static const Value kNothing;
  if (a == nullptr) a = &kNothing;
  if (b == nullptr) b = &kNothing;
  const auto* x = a->revealed();
  const auto* y = b->revealed();
  return x != nullptr && y != nullptr ? *x == *y : a->same_as(*b);
}

std::string path_text(const Expression& path, std::size_t steps) {
  std::string out;
  for (std::size_t i = 0; i < steps; ++i) {
    if (const auto* index = std::get_if<std::size_t>(&path.path[i])) {
      out += "[" + std::to_string(*index) + "]";
    } else {
      out += (i > 0 ? "." : "") + std::get<std::string>(path.path[i]);
    }
  }
  return out;
}

class Runner {
 public:
  Runner(const Value& facts, Escaper& escaper, bool masked)
      : facts_(facts), escaper_(escaper), masked_(masked) {}

  void run(const std::vector<TemplateNode>& nodes) {
    for (const auto& node : nodes) {
      if (failure_) return;
      if (++steps_ > kMaxTemplateSteps)
        return fail_at(node.mark, "too many steps: loops over loops");
      starts_.emplace_back(escaper_.octets(), &node);
      switch (node.kind) {
        case TemplateNode::Kind::text: escaper_.literal(node.text); break;
        case TemplateNode::Kind::value: put(node); break;
        case TemplateNode::Kind::choice: choose(node); break;
        case TemplateNode::Kind::loop: loop(node); break;
      }
      if (escaper_.octets() > kMaxTemplateOutput)
        fail_at(node.mark, "the output is larger than 8 MiB");
    }
  }

  [[nodiscard]] std::expected<std::string, Mistake> finish() {
    if (failure_) return std::unexpected(*failure_);
    auto text = escaper_.finish();
    if (text) return std::move(*text);
    return std::unexpected(placed(text.error()));
  }

 private:
  struct Variable {
    std::string name;
    const Value* value = nullptr;
    Value loop{};  // index, first, last
  };
  // The value of an expression: one that stands somewhere, or one made here.
  struct Result {
    const Value* found = nullptr;
    std::shared_ptr<Value> made{};
    [[nodiscard]] const Value* get() const { return made ? made.get() : found; }
  };

  void fail_at(const Mark& mark, std::string text) {
    if (!failure_) failure_ = Mistake{mark, std::move(text)};
  }

  // The place in the template that made the octet at the error's offset.
  Mistake placed(const EscapeError& error) const {
    const auto after = std::ranges::upper_bound(starts_, error.offset, {}, &Start::first);
    if (after == starts_.begin()) return {{}, error.text};
    const auto& [start, node] = *std::prev(after);
    auto mark = node->mark;
    if (node->kind == TemplateNode::Kind::value) {
      return {mark, path_or_value(node->expression) + " " + error.text};
    }
    if (node->kind == TemplateNode::Kind::text) {
      const auto before = std::string_view(node->text).substr(0, error.offset - start);
      const auto lines = std::ranges::count(before, '\n');
      mark.line += static_cast<unsigned>(lines);
      const auto from = before.rfind('\n');
      mark.column = lines == 0 ? mark.column + static_cast<unsigned>(before.size())
                               : static_cast<unsigned>(before.size() - from);
    }
    return {mark, error.text};
  }

  static std::string path_or_value(const Expression& expression) {
    const bool path = expression.kind == Expression::Kind::path;
    return path ? "`" + path_text(expression, expression.path.size()) + "`" : "this value";
  }

  void put(const TemplateNode& node) {
    const auto result = evaluate(node.expression);
    const auto* value = result.get();
    if (value == nullptr || value->is_null()) return missing(node.expression);
    const auto shown = masked_ ? mask_secrets(*value) : *value;
    const auto done = escaper_.value(shown, masked_ && !shown.same_as(*value));
    if (!done) fail_at(node.mark, path_or_value(node.expression) + " " + done.error().text);
  }

  // Says which step of the path leads nowhere, and what is there instead.
  void missing(const Expression& expression) {
    if (expression.kind != Expression::Kind::path) {
      return fail_at(expression.mark, "this is nothing; guard it with {% if %}");
    }
    const Value* value = root(expression);
    for (std::size_t i = 1; i < expression.path.size(); ++i) {
      const auto* next = value != nullptr ? step(*value, expression.path[i]) : nullptr;
      if (next == nullptr) return missing_step(expression, i, value);
      value = next;
    }
    fail_at(expression.mark,
            path_or_value(expression) + " is not known for this host; guard it with {% if %}");
  }

  void missing_step(const Expression& expression, std::size_t at, const Value* value) {
    auto text = "there is no `" + path_text(expression, at + 1) + "`";
    const auto* key = std::get_if<std::string>(&expression.path[at]);
    if (value != nullptr && value->map() != nullptr && key != nullptr) {
      std::vector<std::string_view> known;
      for (const auto& entry : *value->map()) known.push_back(entry.key);
      const auto near = suggestion(*key, known);
      text += near.empty() ? "; guard it with {% if %}" : near;
    } else {
      text += "; guard it with {% if %}";
    }
    fail_at(expression.mark, std::move(text));
  }

  void choose(const TemplateNode& node) {
    for (const auto& branch : node.branches) {
      if (is_true(evaluate(branch.condition).get())) return run(branch.body);
    }
  }

  void loop(const TemplateNode& node) {
    const auto result = evaluate(node.expression);
    const auto* value = result.get();
    if (value == nullptr || value->is_null()) return missing(node.expression);
    const List* list = value->list();
    List entries;
    if (const auto* map = value->map()) {
      for (const auto& [key, entry] : *map) {
        entries.push_back(make_map({{"key", make_text(key)}, {"value", entry}}));
      }
      list = &entries;
    }
    if (list == nullptr) {
      return fail_at(node.expression.mark, path_or_value(node.expression) + " is " +
                                               std::string(kind_name(*value)) + ", not a list");
    }
    for (std::size_t i = 0; i < list->size() && !failure_; ++i) {
      Variable variable{.name = node.text, .value = &(*list)[i]};
      variable.loop = make_map({{"index", make_number(static_cast<std::int64_t>(i + 1))},
                                {"first", make_flag(i == 0)},
                                {"last", make_flag(i + 1 == list->size())}});
      variables_.push_back(std::move(variable));
      run(node.branches[0].body);
      variables_.pop_back();
      ++steps_;  // of an empty body, too
    }
  }

  [[nodiscard]] const Value* root(const Expression& path) const {
    const auto& name = std::get<std::string>(path.path.front());
    for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
      if (it->name == name) return it->value;
    }
    if (name == "loop" && !variables_.empty()) return &variables_.back().loop;
    return facts_.find(name);
  }

  static const Value* step(const Value& value, const Expression::Step& step) {
    if (const auto* key = std::get_if<std::string>(&step)) return value.find(*key);
    const auto* list = value.list();
    const auto index = std::get<std::size_t>(step);
    return list != nullptr && index < list->size() ? &(*list)[index] : nullptr;
  }

  [[nodiscard]] const Value* found(const Expression& path) const {
    const auto* value = root(path);
    for (std::size_t i = 1; i < path.path.size() && value != nullptr; ++i) {
      value = step(*value, path.path[i]);
    }
    return value;
  }

  // `or` gives its first operand that is true, `and` its first that is not, else the last one.
  Result evaluate(const Expression& expression) const {
    using enum Expression::Kind;
    const auto flag = [](bool is) {
      return Result{.made = std::make_shared<Value>(make_flag(is))};
    };
    const auto& operands = expression.operands;
    switch (expression.kind) {
      case literal: return {.found = &expression.literal};
      case path: return {.found = found(expression)};
      case negation: return flag(!is_true(evaluate(operands[0]).get()));
      case same:
      case differs: {
        const auto left = evaluate(operands[0]);
        const auto right = evaluate(operands[1]);
        return flag(is_same(left.get(), right.get()) == (expression.kind == same));
      }
      case conjunction:
      case disjunction: break;
    }
    Result last;
    for (const auto& operand : operands) {
      last = evaluate(operand);
      if (is_true(last.get()) == (expression.kind == disjunction)) break;
    }
    return last;
  }

  using Start = std::pair<std::size_t, const TemplateNode*>;

  const Value& facts_;
  Escaper& escaper_;
  bool masked_;
  std::vector<Variable> variables_;
  std::vector<Start> starts_;  // where the output of each node begins, in order
  std::optional<Mistake> failure_;
  std::size_t steps_ = 0;
};

}  // namespace

std::expected<std::string, Mistake> render_template(const Template& parsed, const Value& facts,
                                                    UserDataFormat format, bool masked) {
  const auto escaper = make_escaper(format, parsed.text);
  Runner runner(facts, *escaper, masked);
  runner.run(parsed.nodes);
  return runner.finish();
}

}  // namespace slipway::provisioning
