#!/bin/sh
cat <<'JSON'
{
  "web": {"hosts": ["w1", "w2:22", "w[1:3]"], "vars": {"a": true, "b": [1, 2]}, "children": ["db", "fresh"]},
  "db": ["d1", "w1"],
  "simple": {"x": 1, "y": "two"},
  "all": {"vars": {"top": 1.5}},
  "ungrouped": {"hosts": ["u1", "w1"]},
  "fresh": {},
  "empty": [],
  "_meta": {"hostvars": {"w1": {"ansible_host": "10.0.0.1", "n": null}, "d1": {"z": 3}, "nobody": {"q": 1}}}
}
JSON
