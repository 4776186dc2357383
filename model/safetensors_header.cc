// The header of a safetensors file: writing ours, reading anyone's.
#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>
#include <set>

#include "federation/limits.h"
#include "model/safetensors.h"

namespace dure::model {
namespace {

using Json = nlohmann::json;

constexpr size_t kPrefixBytes = 8;  // the header's size, little-endian

struct StoredTensor {
  std::string name;
  std::vector<uint64_t> shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

tl::unexpected<Error> Refuse(std::string_view why) {
  return Fail(ErrorCode::kInvalid, "safetensors: " + std::string(why));
}

// Parses the JSON and refuses what nlohmann would silently accept: one key twice, at any depth.
Result<Json> ParseJson(ByteView text) {
  std::vector<std::set<std::string>> keys;
  bool ok = true;
  const auto watch = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key) {
      ok = ok && keys.back().insert(value.get_ref<const std::string&>()).second;
      ok = ok && keys.back().size() <= kTensorCountMax + 1;
    }
    if (event == Json::parse_event_t::object_start && keys.size() > 2) ok = false;
    return ok;
  };
  Json json = Json::parse(text.begin(), text.end(), watch, false);
  if (!ok)
    return Refuse("a key stands twice, or objects are nested too deep, or there are too many");
  if (!json.is_object()) return Refuse("the header is not a JSON object");
  return json;
}

Status CheckMetadata(const Json& metadata) {
  if (!metadata.is_object()) return Refuse("__metadata__ is not an object");
  for (const Json& value : metadata) {
    if (!value.is_string()) return Refuse("__metadata__ may hold only text");
  }
  return {};
}

Result<std::vector<uint64_t>> ReadNumbers(const Json& tensor, const char* key, size_t count_max) {
  const auto it = tensor.find(key);
  if (it == tensor.end() || !it->is_array() || it->size() > count_max) {
    return Refuse(std::string(key) + " is missing or not a short array");
  }
  std::vector<uint64_t> numbers;
  for (const Json& number : *it) {
    if (!number.is_number_unsigned()) return Refuse(std::string(key) + " holds no whole number");
    numbers.push_back(number.get<uint64_t>());
  }
  return numbers;
}

Result<StoredTensor> ReadTensor(const std::string& name, const Json& tensor) {
  if (!tensor.is_object() || tensor.size() != 3) {
    return Refuse("a tensor must have dtype, shape and data_offsets");
  }
  const auto dtype = tensor.find("dtype");
  if (dtype == tensor.end() || !dtype->is_string()) return Refuse("dtype is missing");
  if (dtype->get_ref<const std::string&>() != "F32") {
    return Refuse("only F32 tensors are supported; convert the file to float32");
  }
  StoredTensor stored{.name = name, .shape = {}};
  DURE_ASSIGN(stored.shape, ReadNumbers(tensor, "shape", kTensorRankMax));
  DURE_ASSIGN(const std::vector<uint64_t> offsets, ReadNumbers(tensor, "data_offsets", 2));
  if (offsets.size() != 2 || offsets[0] > offsets[1]) return Refuse("data_offsets is no range");
  stored.begin = offsets[0];
  stored.end = offsets[1];
  return stored;
}

// Tensors in the order of their bytes must fill the data section exactly.
Result<Layout> ToLayout(std::vector<StoredTensor> stored, uint64_t data_bytes) {
  std::sort(stored.begin(), stored.end(),
            [](const StoredTensor& a, const StoredTensor& b) { return a.begin < b.begin; });
  Layout layout;
  for (StoredTensor& tensor : stored) {
    const uint64_t begin = layout.parameter_count() * sizeof(float);
    if (tensor.begin != begin) return Refuse("tensors overlap or leave a gap");
    if (auto added = layout.Add(tensor.name, std::move(tensor.shape)); !added) {
      return Within(added.error(), "safetensors");
    }
    if (tensor.end != layout.parameter_count() * sizeof(float)) {
      return Refuse("the bytes of tensor '" + tensor.name + "' do not match its shape");
    }
  }
  if (layout.parameter_count() == 0) return Refuse("there is no tensor");
  if (layout.parameter_count() * sizeof(float) != data_bytes) {
    return Refuse("the data does not end with the file");
  }
  return layout;
}

}  // namespace

Bytes SafetensorsHeader(const Layout& layout) {
  nlohmann::ordered_json json;
  json["__metadata__"] = {{"format", "pt"}};
  for (const TensorSpec& tensor : layout.tensors()) {
    const uint64_t begin = tensor.offset * sizeof(float);
    json[tensor.name] = {{"dtype", "F32"},
                         {"shape", tensor.shape},
                         {"data_offsets", {begin, begin + tensor.size * sizeof(float)}}};
  }
  std::string text = json.dump();
  const size_t used = kPrefixBytes + text.size();
  const size_t padded = (used + kSafetensorsDataAlignment - 1) / kSafetensorsDataAlignment *
                        kSafetensorsDataAlignment;
  text.append(padded - used, ' ');
  Bytes header(kPrefixBytes);
  for (size_t i = 0; i < kPrefixBytes; ++i) {
    header[i] = static_cast<uint8_t>(uint64_t{text.size()} >> (8 * i));
  }
  header.insert(header.end(), text.begin(), text.end());
  return header;
}

Result<SafetensorsLayout> ParseSafetensors(ByteView front, uint64_t file_bytes) {
  if (front.size() < kPrefixBytes || file_bytes < front.size())
    return Refuse("the file is too short");
  uint64_t header_bytes = 0;
  for (size_t i = 0; i < kPrefixBytes; ++i) header_bytes |= uint64_t{front[i]} << (8 * i);
  if (header_bytes > kSafetensorsHeaderBytesMax) return Refuse("the header is larger than 16 MiB");
  if (header_bytes > front.size() - kPrefixBytes) return Refuse("the header is cut short");
  const uint64_t data_offset = kPrefixBytes + header_bytes;
  if (data_offset % alignof(float) != 0) return Refuse("the data is not aligned to 4 bytes");
  DURE_ASSIGN(const Json json, ParseJson(front.subspan(kPrefixBytes, header_bytes)));
  std::vector<StoredTensor> stored;
  for (const auto& [name, value] : json.items()) {
    if (name == "__metadata__") {
      DURE_TRY(CheckMetadata(value));
      continue;
    }
    DURE_ASSIGN(StoredTensor tensor, ReadTensor(name, value));
    stored.push_back(std::move(tensor));
  }
  DURE_ASSIGN(Layout layout, ToLayout(std::move(stored), file_bytes - data_offset));
  return SafetensorsLayout{std::move(layout), data_offset};
}

}  // namespace dure::model
