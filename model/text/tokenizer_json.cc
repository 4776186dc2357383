// tokenizer.json and tokenizer_config.json, as Hugging Face's tokenizers read them.
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_set>

#include "model/text/byte_pairs.h"
#include "model/text/pretokenize.h"
#include "model/text/whole_file.h"

namespace dure::text {
namespace {

using nlohmann::json;

constexpr const char* kByteLevel =
    R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false})";

// GPT-2's printable stand-in for each byte: itself when printable in Latin-1, else U+0100 onwards
// in order.
std::array<uint32_t, 256> ByteCharacters() {
  std::array<uint32_t, 256> points{};
  uint32_t next = 256;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
    points[byte] = printable ? byte : next++;
  }
  return points;
}

std::string ToPrintable(std::string_view bytes) {
  static const std::array<uint32_t, 256> points = ByteCharacters();
  std::string text;
  for (const char c : bytes) {
    const uint32_t point = points[static_cast<uint8_t>(c)];
    if (point < 0x80) {
      text.push_back(static_cast<char>(point));
    } else {  // all stand-ins are below U+0800
      text.push_back(static_cast<char>(0xc0 | point >> 6));
      text.push_back(static_cast<char>(0x80 | (point & 0x3f)));
    }
  }
  return text;
}

Result<std::string> FromPrintable(std::string_view text) {
  static const std::array<int, 512> bytes = [] {
    std::array<int, 512> table;
    table.fill(-1);
    const auto points = ByteCharacters();
    for (int byte = 0; byte < 256; ++byte) table[points[static_cast<size_t>(byte)]] = byte;
    return table;
  }();
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t length = Utf8Length(text, at);
    uint32_t point = static_cast<uint8_t>(text[at]);
    if (length == 2) point = (point & 0x1fu) << 6 | (static_cast<uint8_t>(text[at + 1]) & 0x3fu);
    if (length == 0 || length > 2 || point >= bytes.size() || bytes[point] < 0) {
      return Fail(ErrorCode::kInvalid, "a token holds a character that stands for no byte");
    }
    out.push_back(static_cast<char>(bytes[point]));
    at += length;
  }
  return out;
}

json PreTokenizer() {
  const json split = {{"type", "Split"},
                      {"pattern", {{"Regex", SplitPattern()}}},
                      {"behavior", "Isolated"},
                      {"invert", false}};
  return {{"type", "Sequence"}, {"pretokenizers", json::array({split, json::parse(kByteLevel)})}};
}

// Prepends bos when a tool asks for special tokens, as training does at each document.
json PostProcessor() {
  const json bos = {{"SpecialToken", {{"id", kSpecialTokens[0]}, {"type_id", 0}}}};
  const auto sequence = [](const char* id, int type) {
    return json{{"Sequence", {{"id", id}, {"type_id", type}}}};
  };
  const json entry = {{"id", kSpecialTokens[0]}, {"ids", {0}}, {"tokens", {kSpecialTokens[0]}}};
  return {{"type", "TemplateProcessing"},
          {"single", json::array({bos, sequence("A", 0)})},
          {"pair", json::array({bos, sequence("A", 0), bos, sequence("B", 1)})},
          {"special_tokens", {{std::string(kSpecialTokens[0]), entry}}}};
}

json AddedTokens() {
  json tokens = json::array();
  for (size_t id = 0; id < kSpecialTokens.size(); ++id) {
    tokens.push_back({{"id", id},
                      {"content", kSpecialTokens[id]},
                      {"single_word", false},
                      {"lstrip", false},
                      {"rstrip", false},
                      {"normalized", false},
                      {"special", true}});
  }
  return tokens;
}

std::string Quoted(std::string_view text) {
  return json(text).dump(-1, ' ', true);  // ASCII only: survives every editor
}

// Of the model object, what must stand exactly so for our merging to be what other tools do.
Status CheckModelOptions(const json& model) {
  const std::pair<const char*, json> expected[] = {{"type", "BPE"},
                                                   {"dropout", nullptr},
                                                   {"unk_token", nullptr},
                                                   {"fuse_unk", false},
                                                   {"byte_fallback", false},
                                                   {"ignore_merges", false},
                                                   {"continuing_subword_prefix", nullptr},
                                                   {"end_of_word_suffix", nullptr}};
  for (const auto& [key, value] : expected) {
    // Older files leave out what has its default.
    const bool may_lack = std::string_view(key) != "type";
    if (!model.contains(key) ? !may_lack : model[key] != value) {
      return Fail(ErrorCode::kInvalid, std::string("model.") + key + " is not " + value.dump());
    }
  }
  return {};
}

Status CheckAround(const json& root) {
  if (!root.is_object()) return Fail(ErrorCode::kInvalid, "not a JSON object");
  const auto is = [&root](const char* key, const json& value) {
    return root.contains(key) && root[key] == value;
  };
  if (root.contains("normalizer") && !root["normalizer"].is_null()) {
    return Fail(ErrorCode::kInvalid, "a normalizer is not supported: text is taken as it is");
  }
  if (!is("pre_tokenizer", PreTokenizer())) {
    return Fail(ErrorCode::kInvalid, "pre_tokenizer is not the one that Dure cuts words by");
  }
  if (!is("decoder", json::parse(kByteLevel))) {
    return Fail(ErrorCode::kInvalid, "decoder is not ByteLevel");
  }
  if (!is("added_tokens", AddedTokens())) {
    return Fail(ErrorCode::kInvalid, "added_tokens are not bos, eos and pad with ids 0, 1 and 2");
  }
  if (!root.contains("model") || !root["model"].is_object()) {
    return Fail(ErrorCode::kInvalid, "model is missing");
  }
  return {};
}

// Token texts by id; ids must be exactly [0, size).
Result<std::vector<std::string>> ReadVocabulary(const json& model) {
  const auto vocab = model.find("vocab");
  if (vocab == model.end() || !vocab->is_object() || vocab->size() < kVocabularyMin ||
      vocab->size() > kVocabularyMax) {
    return Fail(ErrorCode::kInvalid, "model.vocab is missing or has a size out of bounds");
  }
  std::vector<std::string> tokens(vocab->size());
  std::vector<bool> seen(vocab->size());
  for (const auto& [text, id] : vocab->items()) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= tokens.size() || seen[id.get<size_t>()]) {
      return Fail(ErrorCode::kInvalid, "model.vocab ids are not 0 to its size, each once");
    }
    seen[id.get<size_t>()] = true;
    tokens[id.get<size_t>()] = text;
  }
  for (size_t id = 0; id < kSpecialTokenCount; ++id) {
    if (tokens[id] != kSpecialTokens[id]) {
      return Fail(ErrorCode::kInvalid, "model.vocab does not begin with bos, eos and pad");
    }
  }
  return tokens;
}

Status AddTokens(const std::vector<std::string>& tokens, BytePairModel* model) {
  for (size_t id = kSpecialTokenCount; id < tokens.size(); ++id) {
    DURE_ASSIGN(const std::string bytes, FromPrintable(tokens[id]));
    if (bytes.empty() || bytes.size() > kTokenBytesMax) {
      return Fail(ErrorCode::kInvalid, "token " + std::to_string(id) + " is empty or too long");
    }
    if (id >= kVocabularyMin) {
      model->AddToken(bytes);
    } else if (bytes != model->bytes(static_cast<uint32_t>(id))) {
      return Fail(ErrorCode::kInvalid, "ids 3 to 258 are not the bytes in order");
    }
  }
  return {};
}

// "a b" as older files have it, or ["a", "b"].
Result<std::pair<std::string, std::string>> ReadMerge(const json& merge) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
    return std::pair{merge[0].get<std::string>(), merge[1].get<std::string>()};
  }
  const std::string text = merge.is_string() ? merge.get<std::string>() : std::string();
  const size_t space = text.find(' ');
  if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
    return Fail(ErrorCode::kInvalid, "an entry of model.merges is not two tokens");
  }
  return std::pair{text.substr(0, space), text.substr(space + 1)};
}

Status AddMerges(const json& object, BytePairModel* model) {
  const auto merges = object.find("merges");
  if (merges == object.end() || !merges->is_array() || merges->size() > 2 * kVocabularyMax) {
    return Fail(ErrorCode::kInvalid, "model.merges is missing or too long");
  }
  const json& vocab = object["vocab"];
  const auto id_of = [&vocab](const std::string& text) -> int64_t {
    const auto found = vocab.find(text);
    const int64_t id = found == vocab.end() ? -1 : found->get<int64_t>();
    return id < int64_t{kSpecialTokenCount} ? -1 : id;
  };
  for (const json& merge : *merges) {
    DURE_ASSIGN(const auto sides, ReadMerge(merge));
    const int64_t left = id_of(sides.first);
    const int64_t right = id_of(sides.second);
    const int64_t whole = id_of(sides.first + sides.second);
    if (left < 0 || right < 0 || whole < 0) {
      return Fail(ErrorCode::kInvalid, "an entry of model.merges names or makes no token");
    }
    const Pair pair{static_cast<uint32_t>(left), static_cast<uint32_t>(right)};
    if (model->Find(pair.first, pair.second).rank != UINT32_MAX) {
      return Fail(ErrorCode::kInvalid, "model.merges has an entry twice");
    }
    model->AddMerge(pair, static_cast<uint32_t>(whole));
  }
  return {};
}

}  // namespace

std::string ToTokenizerJson(const BytePairModel& model) {
  std::string out = "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n";
  out += "  \"added_tokens\": " + AddedTokens().dump(-1, ' ', true) + ",\n";
  out += "  \"normalizer\": null,\n";
  out += "  \"pre_tokenizer\": " + PreTokenizer().dump(-1, ' ', true) + ",\n";
  out += "  \"post_processor\": " + PostProcessor().dump(-1, ' ', true) + ",\n";
  out += "  \"decoder\": " + std::string(kByteLevel) + ",\n";
  out +=
      "  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": null,\n"
      "    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n"
      "    \"fuse_unk\": false,\n    \"byte_fallback\": false,\n    \"ignore_merges\": false,\n"
      "    \"vocab\": {";
  for (uint32_t id = 0; id < model.size(); ++id) {
    const std::string text =
        id < kSpecialTokenCount ? std::string(kSpecialTokens[id]) : ToPrintable(model.bytes(id));
    out += (id == 0 ? "\n      " : ",\n      ") + Quoted(text) + ": " + std::to_string(id);
  }
  out += "\n    },\n    \"merges\": [";
  for (size_t rank = 0; rank < model.merges().size(); ++rank) {
    const auto [left, right] = model.merges()[rank];
    const std::string text = ToPrintable(model.bytes(left)) + " " + ToPrintable(model.bytes(right));
    out += (rank == 0 ? "\n      " : ",\n      ") + Quoted(text);
  }
  return out + "\n    ]\n  }\n}\n";
}

Result<Tokenizer> Tokenizer::Parse(ByteView bytes) {
  if (bytes.size() > kTokenizerJsonBytesMax) {
    return Fail(ErrorCode::kInvalid, "tokenizer.json is larger than 32 MiB");
  }
  const nlohmann::json root = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (root.is_discarded()) return Fail(ErrorCode::kInvalid, "tokenizer.json is not JSON");
  DURE_TRY(CheckAround(root));
  const nlohmann::json& object = root["model"];
  DURE_TRY(CheckModelOptions(object));
  DURE_ASSIGN(const std::vector<std::string> tokens, ReadVocabulary(object));
  auto model = std::make_shared<BytePairModel>();
  DURE_TRY(AddTokens(tokens, model.get()));
  DURE_TRY(AddMerges(object, model.get()));
  return Tokenizer(std::move(model), std::string(AsText(bytes)));
}

Result<Tokenizer> Tokenizer::Load(const std::string& name_or_path) {
  if (name_or_path == "bytes") return Bytes();
  std::filesystem::path path = name_or_path;
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) path /= "tokenizer.json";
  DURE_ASSIGN(const std::string bytes, ReadWhole(path, kTokenizerJsonBytesMax));
  auto tokenizer = Parse(AsBytes(bytes));
  if (!tokenizer) return Within(tokenizer.error(), "while loading " + path.string());
  return tokenizer;
}

Status Tokenizer::Save(const std::filesystem::path& folder) const {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) {
    return Fail(ErrorCode::kUnavailable,
                "could not make " + folder.string() + ": " + failed.message());
  }
  DURE_TRY(WriteWhole(folder / "tokenizer.json", *json_));
  const nlohmann::json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                                 {"bos_token", kSpecialTokens[0]},
                                 {"eos_token", kSpecialTokens[1]},
                                 {"pad_token", kSpecialTokens[2]},
                                 {"add_bos_token", true},
                                 {"clean_up_tokenization_spaces", false},
                                 {"model_input_names", {"input_ids", "attention_mask"}}};
  return WriteWhole(folder / "tokenizer_config.json", config.dump(2) + "\n");
}

}  // namespace dure::text
