# Prints what Ansible makes of each inventory file named on stdin, one JSON document a line:
# the inventory in the shape of `ansible-inventory --list`, or {"error": "…"}.
import json
import sys

import ansible.constants as C
from ansible.cli.inventory import InventoryCLI
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.vars.manager import VariableManager

cli = InventoryCLI(["ansible-inventory", "--list"] + sys.argv[1:])
cli.parse()
for path in sys.stdin.read().split("\n"):
    if not path:
        continue
    try:
        cli.loader = DataLoader()
        cli.inventory = InventoryManager(loader=cli.loader, sources=[path])
        cli.vm = VariableManager(loader=cli.loader, inventory=cli.inventory)
        found = cli.json_inventory(cli.inventory.groups["all"])
        print(json.dumps(json.loads(cli.dump(found), parse_constant=str)))
    except Exception as error:
        print(json.dumps({"error": str(error)}))
