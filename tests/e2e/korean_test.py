"""A policy officer who reads and acts in Korean, up to a withdrawal whose case is closed.

    korean_test.py PROGRAMS [unittest arguments]
"""

import sys
import unittest

from officers import REPORTS, OfficerCase


class Korean(OfficerCase):
    def test_an_officer_acts_and_is_answered_in_korean(self):
        self.begin(['north', 'south'])
        desk = self.all.officer('north')
        self.all.start_sites()
        self.all.propose('first', rounds=1)
        self.all.complete('first')
        self.all.check_run('first')

        def say(*words, expect=0, folder=desk):
            return self.all.says(*words, '--dir', folder, '--lang', 'ko', expect=expect)

        with open(f'{self.folder}/p7.policy', 'w', encoding='utf-8') as file:
            file.write(REPORTS)
        self.assertIn('"P7 Reports" 버전 1을 안건으로 올렸습니다(항목 ',
                      say('policy', 'propose', f'{self.folder}/p7.policy'))
        proposal = str(self.all.dure('tally', '--dir', desk)['proposals'][0]['proposal'])
        self.assertIn('정책 담당자의 폴더가 필요합니다',
                      say('vote', proposal, 'no', expect=3, folder=self.all.home('north')))
        self.assertIn(f'항목 {proposal}의 안건에 반대로 투표했습니다(항목 ',
                      say('vote', proposal, 'no'))
        # One no of two ends the vote as soon as the aggregator has counted.
        self.assertRegex(say('vote', proposal, 'yes', expect=1),
                         r'이미 투표한 회원임\(voted-twice\)|투표가 이미 끝남\(vote-over\)')
        self.assertIn('항목 9999번은 없습니다', say('vote', '9999', 'yes', expect=1))
        self.assertIn('north: 활동 중, 민간 회원, KR, 사이트 north, 정책 담당자 1명',
                      say('member', 'list'))
        self.assertIn('공동 서명', say('ledger', 'witnesses'))
        self.assertIn('거부한 것이 없습니다', say('ledger', 'dissent'))
        self.assertIn('학습 목적(purpose): 과학적 연구', say('run', 'record', 'first'))
        self.assertIn('first 라운드 0: ', say('round', 'show', 'first', '0'))
        decided = str([each['index'] for each in self.all.entries('aggregator', 'first')
                       if each['type'] == 'admission-decided'][0])
        why = say('why', decided)
        self.assertIn('한 바이트도 다르지 않습니다', why)
        # Nothing has to change for what was admitted.
        self.assertNotIn('사실 하나만', why)
        self.assertIn('혹시 run.purpose입니까?',
                      say('why', decided, '--what-if', 'run.purpos=statistics', expect=1))

        self.assertIn('고를 수 있는 범위', say('withdraw', 'plan', 'north'))
        self.assertIn('다른 회원의 데이터셋임(foreign-dataset): south는 north의 것이 아닙니다',
                      say('withdraw', 'file', 'south', expect=1))
        self.assertIn('데이터셋 north의 이용을 철회했습니다(항목 ',
                      say('withdraw', 'file', 'north'))
        entry = str(self.all.entries('aggregator')[-1]['index'])
        self.assertIn('처리했음을 보여 주는 항목이 아님(no-evidence): 항목 3은 철회 뒤에',
                      say('withdraw', 'close', entry, '--evidence', '3', expect=1))
        self.assertIn('철회됨(처리 중)', say('dataset', 'list'))
        # A round without it shows that it is done.
        self.all.propose('second', rounds=1, quorum=1, join_seconds=2)
        self.all.complete('second')
        closed = [each for each in self.all.entries('aggregator', 'second')
                  if each['type'] == 'round-closed'][0]
        self.assertEqual([each['site'] for each in closed['event']['submissions']], ['south'])
        self.assertIn(f'항목 {entry}의 철회 처리를 마무리했습니다(항목 ',
                      say('withdraw', 'close', entry, '--evidence', str(closed['index'])))
        self.assertIn('철회됨(처리 완료)', say('dataset', 'list'))
        self.assertIn('그 항목에는 처리 중인 철회가 없습니다',
                      say('withdraw', 'close', entry, '--evidence', str(closed['index']), expect=1))
        self.assertIn('결정\n  ', say('ledger', 'verify', '--full'))

    def test_what_is_wrong_with_a_text_is_said_in_korean_with_its_place(self):
        self.begin(['north'])
        desk = self.all.officer('north')
        path = f'{self.folder}/wrong.policy'
        with open(path, 'w', encoding='utf-8') as file:
            file.write(REPORTS.replace('oblige', 'obliges'))
        said = self.all.says('policy', 'propose', path, '--dir', desk, '--lang', 'ko', expect=1)
        self.assertIn('wrong.policy:3:11: permit, forbid, require, oblige 가운데 하나가 와야 하는데 '
                      '여기에는 obliges가 있습니다', said)
        self.assertIn("혹시 'oblige'입니까?", said)


if __name__ == '__main__':
    OfficerCase.programs = sys.argv.pop(1)
    unittest.main(verbosity=2)
