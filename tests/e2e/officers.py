"""What the suites about officers begin with: a federation of one test, and a rule that obliges."""

import shutil
import tempfile
import unittest

from federation import SMALL, Federation

REPORTS = '''policy "P7 Reports" version 1 effective 2026-09-01

rule P7.1 oblige export-weights
  title "Whoever takes a model away reports what it is for"
     ko "모델을 가져가는 기관은 용도를 보고한다"
  when grant.status is active
  duty report "Report what the model is used for."
           ko "모델을 어디에 쓰는지 보고하십시오."
              within 10 days
  because "The model leaves."
       ko "모델이 나갑니다."
end
'''


class OfficerCase(unittest.TestCase):
    programs = ''

    def begin(self, sites, **options):
        self.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.all = Federation(self.programs, self.folder, sites, **options, model=SMALL)
        self.addCleanup(self.all.kill)

    def events(self, run, kind):
        return [each['event'] for each in self.all.entries('aggregator', run)
                if each['type'] == kind]
