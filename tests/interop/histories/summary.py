"""What was done in a run, by client."""

from collections import Counter

OUTCOMES = ("ok", "unknown", "fail", "open")


class Summary:
    def __init__(self, lines, notes, faults, clients, crashes):
        self.notes, self.faults, self.clients, self.crashes = notes, faults, clients, crashes
        self.counts = Counter()  # (client, operation, outcome)
        self.records = Counter()  # client -> acknowledged, read
        self.count(lines)

    def count(self, lines):
        under_way = {}
        for line in lines:
            if line["type"] == "invoke":
                under_way[line["op"]] = client_of(line["process"]), line["operation"]
            elif line["type"] != "event":
                client, operation = under_way.pop(line["op"])
                self.counts[client, operation, line["type"]] += 1
                self.records[client, "acknowledged"] += len(line.get("offsets", ()))
                self.records[client, "read"] += sum(len(read["records"]) for read in line.get("reads", ()))
        for client, operation in under_way.values():
            self.counts[client, operation, "open"] += 1

    def show(self):
        operations = sorted({operation for client, operation, _ in self.counts if client in self.clients})
        rows = [["ok / unknown / fail", *self.clients, "all"]]
        rows += [[operation, *(self.cell([client], operation) for client in self.clients), self.cell(self.clients, operation)]
                 for operation in operations]
        rows += [[f"records {what}", *(f"{self.records[client, what]:,}" for client in self.clients),
                  f"{sum(self.records[client, what] for client in self.clients):,}"] for what in ("acknowledged", "read")]
        rows.append(["errors told", *(f"{self.errors([client]):,}" for client in self.clients), f"{self.errors(self.clients):,}"])
        rows.append(["crashes of the client", *(str(self.crashes.count(client)) for client in self.clients), str(len(self.crashes))])
        widths = [max(map(len, column)) for column in zip(*rows)]
        print()
        for row in rows:
            print("  ".join(cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(zip(row, widths))).rstrip())
        done = Counter(self.faults)
        print(f"\nfaults: {', '.join(f'{name} {count}' for name, count in sorted(done.items())) or 'none'}")

    def cell(self, clients, operation):
        ok, unknown, fail, still_open = (sum(self.counts[client, operation, outcome] for client in clients) for outcome in OUTCOMES)
        # What never ended is unknown as well.
        return f"{ok:,} / {unknown + still_open:,} / {fail:,}"

    def errors(self, clients):
        return sum(len(whats) for process, whats in self.notes.items() if client_of(process) in clients)


def client_of(process):
    return process.split("/")[0]
