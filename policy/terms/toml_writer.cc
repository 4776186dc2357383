#include <map>
#include <nlohmann/json.hpp>

#include "policy/terms/passport_tree.h"
#include "policy/terms/toml.h"
#include "policy/terms/tree.h"

namespace dure::terms {
namespace {

using nlohmann::ordered_json;

class Writer {
 public:
  explicit Writer(const std::vector<Attachment>& attachments) {
    for (const Attachment& attachment : attachments)
      texts_[attachment.commitment().Hex()] = attachment.text;
  }

  // Plain values first: what follows a [table] belongs to it.
  void Table(const ordered_json& table) {
    for (const auto& [name, value] : table.items()) {
      if (!IsTable(value)) Line(name, value);
    }
  }
  void Line(const std::string& name, const ordered_json& value) {
    constexpr std::string_view kCommit = "Commit";
    if (name.ends_with(kCommit) && value.is_string()) {
      const auto text = texts_.find(value.get<std::string>());
      if (text != texts_.end()) {
        out +=
            name.substr(0, name.size() - kCommit.size()) + " = " + QuoteToml(text->second) + "\n";
        return;
      }
    }
    out += name + " = " + Text(name, value) + "\n";
  }
  static bool IsTable(const ordered_json& value) {
    return value.is_object() || (value.is_array() && !value.empty() && value.front().is_object());
  }

  std::string out;

 private:
  static std::string Text(const std::string& name, const ordered_json& value) {
    if (value.is_array()) {
      std::string list;
      for (const auto& item : value) list += (list.empty() ? "" : ", ") + Text("", item);
      return "[" + list + "]";
    }
    if (!value.is_string()) return value.dump();
    const std::string& text = value.get_ref<const std::string&>();
    const bool time = ParseInstant(text, DayPart::kFirstSecond).has_value();
    return name == "epsilonMax" || time ? text : QuoteToml(text);
  }

  std::map<std::string, std::string> texts_;
};

}  // namespace

// JSON's escapes are a part of TOML's; DEL has to be escaped in TOML only.
std::string QuoteToml(std::string_view text) {
  std::string quoted =
      ordered_json(text).dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  for (size_t at = 0; (at = quoted.find('\x7f', at)) != quoted.npos;)
    quoted.replace(at, 1, "\\u007f");
  return quoted;
}

std::string ToToml(const Draft& draft) {
  ordered_json tree = ToTree(draft.terms);
  tree.erase("format");
  Writer writer(draft.attachments);
  writer.out =
      "# Terms of use of a dataset, for dure dataset check. Every field and word: "
      "docs/reference/terms.md\n\n";
  writer.Table(tree);
  if (draft.has_passport) {
    ordered_json passport = ToTree(draft.passport);
    // These are measured, not written.
    for (const char* measured : {"format", "files", "bytes", "lines", "data"})
      passport.erase(measured);
    if (!draft.says_version) passport.erase("version");  // the record counts
    writer.out += "\n[dataset]\n";
    writer.Table(passport);
  }
  for (const auto& [name, value] : tree.items()) {
    if (!Writer::IsTable(value)) continue;
    if (value.is_object()) {
      writer.out += "\n[" + name + "]\n";
      writer.Table(value);
      continue;
    }
    for (const auto& item : value) {
      writer.out += "\n[[" + name + "]]\n";
      writer.Table(item);
    }
  }
  return writer.out;
}

}  // namespace dure::terms
