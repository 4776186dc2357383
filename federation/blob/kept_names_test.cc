#include "federation/blob/kept_names.h"

#include <gmock/gmock.h>

#include "federation/canonical.h"

namespace dure::blob {
namespace {

Digest Named(std::string_view what) { return Sha256(AsBytes(what)); }

TEST(KeptNames, ABlobIsNamedByAKeyAValueOfAnyFormOrItself) {
  KeptNames names;
  names.Add("run/first/model/" + Named("model").Hex(), {});
  names.Add("evaluating/" + Named("fetched").Hex() + "/then", {});
  names.Add("run/first/state",
            CanonicalWriter().U32(99).Text("?").Raw32(Named("base")).U8(1).Take());
  const Bytes inner = CanonicalWriter().Raw32(Named("payload")).Take();
  names.Add("run/first/masking", CanonicalWriter().U8(3).Blob(inner).Take());
  names.Add(CanonicalWriter().Text("its tokenizer is " + Named("tokenizer").Hex()).Take());
  names.Add(Named("itself"));
  for (const char* what : {"model", "fetched", "base", "payload", "tokenizer", "itself"}) {
    EXPECT_TRUE(names.Has(Named(what))) << what;
  }
  EXPECT_FALSE(names.Has(Named("nobody's")));
}

TEST(KeptNames, WhatIsTooShortOrAlmostThereNamesNothing) {
  KeptNames names;
  Bytes almost = CanonicalWriter().Raw32(Named("base")).Take();
  almost.back() ^= 1;
  names.Add("a//b/", almost);
  names.Add("", Bytes{1, 2, 3});
  names.Add(Bytes{});
  EXPECT_FALSE(names.Has(Named("base")));
}

}  // namespace
}  // namespace dure::blob
