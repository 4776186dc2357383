#include "cli/terms_form.h"

#include <iostream>

#include "cli/language.h"
#include "cli/phrases.h"
#include "cli/text_file.h"
#include "policy/terms/form.h"

namespace dure::cli {

namespace {

std::string AllowedInKorean(const std::string& allowed) {
  return "쓸 수 있는 것: " + InKorean(allowed);
}

}  // namespace

Status AskForTerms(const std::string& path, const std::string& custodian, Context& context) {
  DURE_TRY(CheckWritable(path, context));
  DURE_ASSIGN(const std::string file, terms::RunForm(std::cin, std::cerr, TermsLanguage(context),
                                                     custodian, AllowedInKorean));
  Status written = WriteTextFile(path, file, context);
  if (written) return {};
  context.Say(Pick(context, "The answers are not lost. This is the file; keep it elsewhere:",
                   "답은 사라지지 않았습니다. 아래가 그 파일이니 다른 곳에 저장하십시오."));
  if (!context.json()) context.Print(file);
  return written;
}

}  // namespace dure::cli
