"""How what Kafka's tools say is made comparable."""

import unittest

from tools import in_order_of_directories


class InOrderOfDirectories(unittest.TestCase):
    def test_log_directories_have_the_same_order_whichever_came_first(self):
        empty, full = '{"partitions":[],"error":null,"logDir":"B"}', '{"partitions":[{"partition":"a-0"}],"error":null,"logDir":"A"}'
        line = '{"brokers":[{"broker":1,"logDirs":[%s,%s]}],"version":1}'
        self.assertEqual(in_order_of_directories(line % (full, empty)), line % (empty, full))
        self.assertEqual(in_order_of_directories(line % (empty, full)), line % (empty, full))

    def test_other_lines_stay_as_they_are(self):
        self.assertEqual(in_order_of_directories('{"brokers":[]}'), '{"brokers":[]}')


if __name__ == "__main__":
    unittest.main()
