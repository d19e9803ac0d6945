#include "images/import/layer_tree.hpp"

#include "tests/support/catch.hpp"

using namespace slipway::images;

namespace {

LayerMember file(const std::string& name, std::uint64_t member = 0) {
  Node node;
  node.type = NodeType::file;
  node.member = member;
  return {name, node, {}};
}
LayerMember folder(const std::string& name, std::uint32_t mode = 0755) {
  Node node;
  node.mode = mode;
  return {name, node, {}};
}
LayerMember sym_link(const std::string& name, const std::string& target) {
  Node node;
  node.type = NodeType::symlink;
  node.target = target;
  return {name, node, {}};
}
LayerMember hard_link(const std::string& name, const std::string& target) {
  auto member = file(name);
  member.link = target;
  return member;
}

slipway::Fallible<void> lay(LayerTree& tree, const std::vector<LayerMember>& members) {
  for (const auto& member : members) {
    auto good = tree.add(member);
    if (!good) return good;
  }
  return tree.finish_layer();
}

// "a a/b" of two layers.
std::string tree_of(const std::vector<LayerMember>& lower, const std::vector<LayerMember>& upper) {
  LayerTree tree;
  REQUIRE(lay(tree, lower).has_value());
  REQUIRE(lay(tree, upper).has_value());
  std::string list;
  for (const auto& [path, node] : tree.paths()) list += (list.empty() ? "" : " ") + path;
  return list;
}

}  // namespace

TEST_CASE("an upper layer adds, replaces and hides", "[import][layers]") {
  CHECK(tree_of({file("a/b")}, {file("./a//c/")}) == "a a/b a/c");
  CHECK(tree_of({file("a/b"), file("a-b")}, {file(".wh.a")}) == "a-b");
  CHECK(tree_of({file("a/b"), file("a/c")}, {file("a/.wh.b")}) == "a a/c");
  CHECK(tree_of({file("a/b"), file("a/c/d")}, {file("a/.wh..wh..opq"), file("a/e")}) == "a a/e");
  CHECK(tree_of({file("a/b")}, {file(".wh..wh..opq"), file("c")}) == "c");
  // Whiteouts hide what is below, never what stands in their own layer.
  CHECK(tree_of({file("a/b")}, {file("a/b"), file("a/.wh.b"), file("a/.wh..wh..opq")}) == "a a/b");
  CHECK(tree_of({file("a/b")}, {file(".wh..wh.plnk/x"), file(".wh..wh.aufs")}) == "a a/b");
  CHECK(tree_of({file("a/b")}, {file("a")}) == "a");                   // a file over a folder
  CHECK(tree_of({file("a")}, {folder("a"), file("a/b")}) == "a a/b");  // a folder over a file
  CHECK(tree_of({file("a/b")}, {folder("a", 0700)}) == "a a/b");       // other mode, same content
  CHECK(tree_of({file("a/b")}, {sym_link("a", "c")}) == "a");
  CHECK(tree_of({file("a")}, {file(".wh.none")}) == "a");
  CHECK(tree_of({folder("."), folder("./")}, {file("a")}) == "a");
}

TEST_CASE("hard links share their content, whatever becomes of the first name",
          "[import][layers]") {
  LayerTree tree;
  REQUIRE(lay(tree, {file("a", 7), hard_link("d/b", "./a")}).has_value());
  REQUIRE(lay(tree, {file(".wh.a"), hard_link("c", "d/b")}).has_value());
  CHECK_FALSE(tree.paths().contains("a"));
  CHECK(tree.paths().at("d/b") == tree.paths().at("c"));
  CHECK(tree.paths().at("c")->member == 7);
}

TEST_CASE("hostile members are refused with their name", "[import][layers]") {
  struct Row {
    const char* why;
    std::vector<LayerMember> lower, upper;
    const char* text;
  };
  const auto row = GENERATE(values<Row>({
      {"absolute", {}, {file("/etc/passwd")}, "absolute"},
      {"dot dot", {}, {file("../a")}, "leads out"},
      {"dot dot within", {}, {file("a/../../b")}, "leads out"},
      {"NUL", {}, {file(std::string("a\0b", 3))}, "NUL"},
      {"through a link", {sym_link("a", "/etc")}, {file("a/passwd")}, "symbolic link"},
      {"through a link of its layer", {}, {sym_link("a", ".."), file("a/b")}, "symbolic link"},
      {"below a file", {file("a")}, {file("a/b")}, "a file"},
      {"hard link out", {}, {hard_link("a", "../../etc/shadow")}, "leads out"},
      {"hard link to the root", {}, {hard_link("a", "/etc/shadow")}, "absolute"},
      {"hard link to nothing", {}, {hard_link("a", "b")}, "no file of the image"},
      {"hard link to a folder", {folder("b")}, {hard_link("a", "b")}, "no file of the image"},
      {"hard link to what is hidden", {file("b")}, {file(".wh.b"), hard_link("a", "b")}, "no file"},
      {"whiteout of dot dot", {file("a/b")}, {file("a/.wh...")}, "whiteout of no file"},
      {"whiteout of dot", {}, {file("a/.wh..")}, "whiteout of no file"},
      {"whiteout of nothing", {}, {file("a/.wh.")}, "whiteout of no file"},
      {"too long", {}, {file(std::string(5000, 'a'))}, "more than 4096"},
  }));
  INFO(row.why);
  LayerTree tree;
  REQUIRE(lay(tree, row.lower).has_value());
  const auto done = lay(tree, row.upper);
  REQUIRE_FALSE(done.has_value());
  CHECK_THAT(done.error().text(), ContainsSubstring(row.text));
}

TEST_CASE("the number of members is bounded", "[import][layers]") {
  LayerTree tree({.max_members = 2});
  CHECK(lay(tree, {file("a"), file("b")}).has_value());
  CHECK_FALSE(lay(tree, {file("c")}).has_value());
}

TEST_CASE("links are followed within the tree", "[import][layers]") {
  LayerTree tree;
  REQUIRE(lay(tree, {file("boot/vmlinuz-6", 3), sym_link("boot/vmlinuz", "vmlinuz-6"),
                     sym_link("vmlinuz", "/boot/vmlinuz"), sym_link("b", "boot"),
                     sym_link("up", "../../../boot/vmlinuz-6"), sym_link("loop", "loop"),
                     sym_link("gone", "nowhere")})
              .has_value());
  for (const auto* path : {"boot/vmlinuz-6", "boot/vmlinuz", "vmlinuz", "b/vmlinuz", "up"}) {
    INFO(path);
    const auto node = tree.resolve(path);
    REQUIRE(node != nullptr);
    CHECK(node->member == 3);
  }
  CHECK(tree.resolve("loop") == nullptr);
  CHECK(tree.resolve("gone") == nullptr);
  CHECK(tree.resolve("none") == nullptr);
}
