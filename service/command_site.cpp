// `slipway site new`: asks for the properties of a site and writes its file.
#include <algorithm>
#include <boost/json.hpp>
#include <iostream>
#include <map>

#include "service/command.hpp"
#include "service/inventory_change.hpp"
#include "service/prompt.hpp"
#include "service/site_questions.hpp"

namespace slipway::service {
namespace {

namespace json = boost::json;
namespace prov = slipway::provisioning;

// The dialogue up to the site, which is not written yet.
class SiteDialogue {
 public:
  SiteDialogue(Prompt& prompt, const prov::Inventory& inventory)
      : prompt_(prompt), inventory_(inventory) {}

  // None when it was cancelled, with why.
  Fallible<prov::Value> run() {
    const auto& questions = site_questions();
    std::size_t at = 0;
    while (at < questions.size()) {
      const auto& question = questions[at];
      if (!question.is_asked(site_)) {
        site_ = with_answer(site_, question, "");  // said before, and not asked any more
        ++at;
        continue;
      }
      const auto answer = ask(question);
      if (answer.how == Answer::How::cancelled) return fail(answer.why);
      if (answer.how == Answer::How::back) {
        at = one_before(at);
        continue;
      }
      texts_[question.path] = answer.text;
      site_ = with_answer(site_, question, answer.text);
      ++at;
    }
    return site_;
  }

 private:
  Answer ask(const SiteQuestion& question) {
    const auto said = texts_.find(question.path);
    const bool again = said != texts_.end() && !question.is_hidden;
    return prompt_.ask({.label = std::string(question.label),
                        .initial = again ? said->second : std::string(question.initial),
                        .is_hidden = question.is_hidden,
                        .mistake = [this, &question](const std::string& text) {
                          return mistake_of(inventory_, site_, question, text);
                        }});
  }

  // The last question before `at` that is asked; the first one again when there is none.
  std::size_t one_before(std::size_t at) const {
    while (at > 0 && !site_questions()[--at].is_asked(site_)) {
    }
    return at;
  }

  Prompt& prompt_;
  const prov::Inventory& inventory_;
  prov::Value site_ = prov::make_map({});
  std::map<std::string_view, std::string> texts_;
};

// Shows what would be written and asks whether to.
Fallible<void> review(Prompt& prompt, const prov::InventoryDraft::File& file) {
  std::cerr << "\n" << prov::preview(file) << "\n";
  const auto answer = prompt.ask({.label = "write this to " + file.path.string() + "? y or n",
                                  .initial = "",
                                  .is_hidden = false,
                                  .mistake = [](const std::string& text) {
                                    return text == "y" || text == "n" ? "" : "y or n";
                                  }});
  if (answer.how == Answer::How::given && answer.text == "y") return {};
  return fail(answer.why.empty() ? "not wanted" : answer.why);
}

void make_site(Common& common) {
  const auto config = common.config();
  if (!config) return;
  // Mistakes of others first: nobody likes to answer questions in vain.
  const auto before = prov::load_inventory(config->inventory);
  if (!say_mistakes(common, before.mistakes, {})) return;
  const auto prompt = Prompt::open();
  const auto cancelled = [&common](const Error& error) {
    common.failed(Error(error.text() + "; nothing was written"));
  };
  auto site = SiteDialogue(*prompt, before.inventory).run();
  if (!site) return cancelled(site.error());
  prov::Additions additions;
  additions.sites.push_back(std::move(*site));
  const auto checked =
      prov::check_additions(config->inventory, std::move(additions), prov::Existing::refuse);
  if (!say_mistakes(common, checked.mistakes, {})) return;
  const auto wanted = review(*prompt, checked.draft->files().front());
  if (!wanted) return cancelled(wanted.error());
  const auto document = write_and_reload(common, *config, *checked.draft);
  if (document && common.json) std::cout << json::serialize(*document) << "\n";
}

}  // namespace

void add_site(CLI::App& app, const SharedCommon& common) {
  auto* site = app.add_subcommand("site", "Sites of the inventory");
  site->require_subcommand(1);
  site->add_subcommand("new",
                       "Ask for a site's properties, check each while it is typed, and write it. "
                       "Arrow up goes back, ^C leaves everything as it was. Without a terminal "
                       "the answers are read as lines")
      ->callback([common] { make_site(*common); });
}

}  // namespace slipway::service
