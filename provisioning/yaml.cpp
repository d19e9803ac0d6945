#include "provisioning/yaml.hpp"

#include <sys/stat.h>
#include <yaml-cpp/binary.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <sstream>
#include <utility>

namespace slipway::provisioning {
namespace {

constexpr std::size_t kMaxSecretOctets = 64 << 10U;

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return (octet < 0x20 && c != '\t' && c != '\n' && c != '\r') || octet == 0x7F;
  });
}

// yaml-cpp reads octet 4 as the end of input and replaces bad UTF-8 silently, so neither gets to
// it. Gives the place of the first line that cannot be YAML.
std::optional<Mark> unreadable_line(std::string_view text, std::string_view file) {
  for (unsigned line = 1; !text.empty(); ++line) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto row = text.substr(0, end);
    if (!is_utf8(row) || has_control(row)) return Mark{std::string(file), line, 1};
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::nullopt;
}

std::size_t count_values(const Value& value) {
  std::size_t count = 1;
  if (const auto* entries = value.map()) {
    for (const auto& [key, entry] : *entries) count += count_values(entry);
  }
  if (const auto* elements = value.list()) {
    for (const auto& element : *elements) count += count_values(element);
  }
  return count;
}

std::size_t depth_of(const Value& value) {
  std::size_t deepest = 0;
  if (const auto* entries = value.map()) {
    for (const auto& [key, entry] : *entries) deepest = std::max(deepest, depth_of(entry));
  }
  if (const auto* elements = value.list()) {
    for (const auto& element : *elements) deepest = std::max(deepest, depth_of(element));
  }
  return deepest + 1;
}

Fallible<Secret> read_secret(const std::filesystem::path& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return fail_errno("secret " + file.string(), errno);
  const auto mode = status.st_mode & 07777U;
  if (!S_ISREG(status.st_mode) || (mode != 0600 && mode != 0640)) {
    return fail("secret " + file.string() + " must be a file of mode 0600 or 0640");
  }
  auto text = read_text_file(file, kMaxSecretOctets);
  if (!text) return fail(text.error(), "secret");
  if (text->ends_with('\n')) text->pop_back();
  if (text->ends_with('\r')) text->pop_back();
  if (text->empty()) return fail("secret " + file.string() + " is empty");
  if (!is_utf8(*text)) return fail("secret " + file.string() + " is not UTF-8 text");
  return Secret(std::move(*text));
}

// Turns the events of yaml-cpp into trees. What makes the rest of the text meaningless is
// thrown as yaml-cpp's own exception and caught, with those of yaml-cpp, in parse().
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view file, const std::filesystem::path& secrets, ParsedDocuments& out,
              std::size_t max_documents)
      : file_(file), secrets_(secrets), out_(out), max_documents_(max_documents) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++started_ > max_documents_) {
      throw YAML::ParserException(mark, "only one document may stand in a file");
    }
    anchors_.clear();  // they are a document's own
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (awaits_key()) throw YAML::ParserException(mark, "a key must be text");
    add(Value(nullptr, place(mark)), anchor, mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw YAML::ParserException(mark, "an alias must not stand inside its own anchor");
    }
    if (awaits_key()) throw YAML::ParserException(mark, "a key must be text, not an alias");
    values_ += count_values(found->second) - 1;
    if (open_.size() + depth_of(found->second) > kMaxYamlDepth) too_deep(mark);
    add(found->second, YAML::NullAnchor, mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (awaits_key()) return begin_entry(mark, text);
    add(scalar(place(mark), tag, text), anchor, mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, anchor, Value(List{}, place(mark)));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, anchor, Value(Map{}, place(mark)));
  }
  void OnMapEnd() override { close(); }

 private:
  // A collection whose end has not come yet. `key` is the entry that waits for its value.
  struct Open {
    Value value;
    YAML::anchor_t anchor;
    YAML::Mark start;
    std::optional<std::string> key;
    YAML::Mark key_mark;
  };

  Mark place(const YAML::Mark& mark) const {
    return {file_, static_cast<unsigned>(mark.line + 1), static_cast<unsigned>(mark.column + 1)};
  }
  void mistake(const Mark& mark, std::string text) {
    out_.mistakes.push_back({mark, std::move(text)});
  }
  [[noreturn]] static void too_deep(const YAML::Mark& mark) {
    throw YAML::ParserException(mark, "nested deeper than " + std::to_string(kMaxYamlDepth));
  }

  bool awaits_key() const {
    return !open_.empty() && open_.back().value.map() != nullptr && !open_.back().key;
  }

  void begin_entry(const YAML::Mark& mark, const std::string& text) {
    auto& map = open_.back();
    if (text == "<<") {
      throw YAML::ParserException(mark, "merge keys (<<) are not understood; write the keys out");
    }
    if (const auto* first = map.value.find(text)) {
      mistake(place(mark),
              "`" + text + "` stands twice; first in line " + std::to_string(first->key_line));
    }
    map.key = text;
    map.key_mark = mark;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Value empty) {
    if (awaits_key()) throw YAML::ParserException(mark, "a key must be text");
    if (open_.size() + 1 >= kMaxYamlDepth) too_deep(mark);
    const bool known = tag.empty() || tag == "?" || tag == "!" || tag == "tag:yaml.org,2002:map" ||
                       tag == "tag:yaml.org,2002:seq";
    if (!known) mistake(empty.mark, "unknown tag `" + tag + "`");
    open_.push_back({std::move(empty), anchor, mark, std::nullopt, {}});
  }

  void close() {
    auto done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.value), done.anchor, done.start);
  }

  void add(Value value, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (++values_ > kMaxYamlValues) {
      throw YAML::ParserException(mark, "more than " + std::to_string(kMaxYamlValues) + " values");
    }
    if (anchor != YAML::NullAnchor) anchors_[anchor] = value;
    if (open_.empty()) {
      out_.documents.push_back(std::move(value));
    } else if (auto* list = std::get_if<List>(&open_.back().value.data)) {
      list->push_back(std::move(value));
    } else {
      end_entry(std::move(value));
    }
  }

  void end_entry(Value value) {
    auto& map = open_.back();
    const auto key = std::exchange(map.key, std::nullopt).value_or("");
    if (map.value.find(key) != nullptr) return;  // said in begin_entry; the first one counts
    value.key_line = static_cast<unsigned>(map.key_mark.line + 1);
    value.key_column = static_cast<unsigned>(map.key_mark.column + 1);
    map.value.map()->emplace_back(key, std::move(value));
  }

  Value scalar(Mark mark, const std::string& tag, const std::string& text) {
    if (tag == "!secret") return secret(std::move(mark), text);
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return make_text(text, std::move(mark));
    if (tag == "tag:yaml.org,2002:binary") return binary(std::move(mark), text);
    auto value = plain_scalar(text);
    value.mark = std::move(mark);
    const bool core = tag == "?" || tag == "tag:yaml.org,2002:int" ||
                      tag == "tag:yaml.org,2002:float" || tag == "tag:yaml.org,2002:bool" ||
                      tag == "tag:yaml.org,2002:null";
    if (!core) mistake(value.mark, "unknown tag `" + tag + "`; known here: !secret FILE");
    return value;
  }

  // yaml-cpp 0.7 reads outside its table for what is not base64 (found by fuzzing).
  Value binary(Mark mark, const std::string& text) {
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \n\r\t";
    if (text.find_first_not_of(kAlphabet) != std::string::npos) {
      mistake(mark, "!!binary must be base64");
      return make_text("", std::move(mark));
    }
    const auto octets = YAML::DecodeBase64(text);
    return make_text({octets.begin(), octets.end()}, std::move(mark));
  }

  Value secret(Mark mark, const std::string& name) {
    if (secrets_.empty()) {
      mistake(mark, "!secret may stand in the inventory only");
      return make_text("", std::move(mark));
    }
    auto secret = read_secret(secrets_ / name);
    if (secret) return Value(std::move(*secret), std::move(mark));
    mistake(mark, secret.error().text());
    return Value(Secret("?"),
                 std::move(mark));  // the right kind, so that no second mistake follows
  }

  std::string file_;
  const std::filesystem::path& secrets_;
  ParsedDocuments& out_;
  std::size_t max_documents_;
  std::size_t started_ = 0;
  std::size_t values_ = 0;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Value> anchors_;
};

// The documents up to the first mistake of syntax, whose own document is left out.
ParsedDocuments parse(std::string_view text, std::string_view file,
                      const std::filesystem::path& secrets, std::size_t max_documents) {
  ParsedDocuments out;
  const Mark start{std::string(file), 1, 1};
  if (text.size() > kMaxYamlOctets) {
    out.mistakes.push_back({start, "larger than 8 MiB"});
    return out;
  }
  if (auto bad = unreadable_line(text, file)) {
    out.mistakes.push_back({*bad, "this line is not UTF-8 text, or has control characters"});
    return out;
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(file, secrets, out, max_documents);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    const bool placed = !error.mark.is_null();
    const auto line = placed ? static_cast<unsigned>(error.mark.line + 1) : 1;
    const auto column = placed ? static_cast<unsigned>(error.mark.column + 1) : 1;
    out.mistakes.push_back({{start.file, line, column}, "not YAML: " + error.msg});
    out.is_broken = true;
  }
  return out;
}

}  // namespace

ParsedYaml parse_yaml(std::string_view text, std::string_view file,
                      const std::filesystem::path& secrets) {
  auto parsed = parse(text, file, secrets, 1);
  ParsedYaml out;
  out.value.mark = {std::string(file), 1, 1};
  out.mistakes = std::move(parsed.mistakes);
  if (!parsed.documents.empty()) out.value = std::move(parsed.documents.front());
  if (parsed.is_broken) out.value.data = nullptr;
  return out;
}

ParsedDocuments parse_yaml_documents(std::string_view text, std::string_view file,
                                     const std::filesystem::path& secrets) {
  auto parsed = parse(text, file, secrets, kMaxYamlValues);
  std::erase_if(parsed.documents, [](const Value& document) { return document.is_null(); });
  return parsed;
}

ParsedYaml read_yaml(const std::filesystem::path& file, const std::filesystem::path& secrets) {
  const auto text = read_text_file(file, kMaxYamlOctets);
  if (text) return parse_yaml(*text, file.string(), secrets);
  ParsedYaml out;
  out.mistakes.push_back({{}, text.error().text()});
  return out;
}

Fallible<std::string> read_text_file(const std::filesystem::path& file, std::size_t max_octets) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    return fail(file.string() + ": " + (error ? error.message() : "not a file"));
  }
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return fail_errno(file.string(), errno);
  std::string text;
  text.resize_and_overwrite(max_octets + 1, [&](char* out, std::size_t size) {
    stream.read(out, static_cast<std::streamsize>(size));
    return static_cast<std::size_t>(stream.gcount());
  });
  if (stream.bad()) return fail_errno(file.string(), errno);
  if (text.size() > max_octets) {
    return fail(file.string() + ": larger than " + std::to_string(max_octets) + " octets");
  }
  text.shrink_to_fit();
  return text;
}

}  // namespace slipway::provisioning
