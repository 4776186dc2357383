#include "site/data_text.h"

#include <gtest/gtest.h>

namespace dure::site {
namespace {

TEST(DataText, SaysHowMuchIsUsed) {
  seat::PreparedEvent prepared;
  prepared.files = 1;
  prepared.documents = 2999;
  prepared.train_tokens = 58211;
  prepared.held_out_tokens = 3103;
  EXPECT_EQ(DataText(prepared),
            "its text: 2999 documents of 1 file, 58211 tokens to train on, 3103 held out");
}

TEST(DataText, SaysWhatWasLeftOutAndWhyInOneLine) {
  seat::PreparedEvent prepared;
  prepared.files = 9;
  prepared.files_left_out = 1;
  prepared.bad_rows = 12;
  prepared.notes = {"a\x1b[2J\n.txt is not UTF-8 text", "2", "3", "4", "5"};
  EXPECT_EQ(DataText(prepared),
            "its text: 0 documents of 9 files, 0 tokens to train on, 0 held out; left out: 1 file, "
            "12 rows (a [2J .txt is not UTF-8 text; 2; 3; 4; ...)");
}

}  // namespace
}  // namespace dure::site
