/** What the server says, into the store: at once, or, while the page is paused, later. */

export class Inbox {
  /** `onChange` is called when the store has changed. */
  constructor(store, onChange) {
    this.store = store;
    this.onChange = onChange;
    this.isPaused = false;
    this.isLoading = true;
    this.kept = [];
    this.waiting = 0; // spans, while paused
  }

  take(message) {
    if (this.isPaused && message.type !== "cleared") this.keep(message);
    else this.apply(message);
    this.onChange();
  }

  pause(isPaused) {
    this.isPaused = isPaused;
    if (isPaused) return;
    const { kept } = this;
    this.kept = [];
    this.waiting = 0;
    kept.forEach((message) => this.apply(message));
    this.onChange();
  }

  /** Keep a message for later; of more spans than the store holds the first would be lost anyway. */
  keep(message) {
    this.kept.push(message);
    if (message.type === "hello" || message.type === "lagging") this.restart(message);
    this.waiting += message.spans?.length ?? 0;
    while (this.waiting > this.store.limit) {
      const at = this.kept.findIndex((each) => each.type === "spans");
      this.waiting -= this.kept.splice(at, 1)[0].spans.length;
    }
  }

  /** Everything comes again: what was kept before is no longer needed. */
  restart(message) {
    const resources = message.type === "lagging" ? this.kept.filter(({ type }) => type === "resource") : [];
    this.kept = [...resources, message];
    this.waiting = 0;
  }

  apply(message) {
    const { store } = this;
    const acts = {
      hello: () => this.begin(message),
      resource: () => store.addResource(message.index, message.attributes),
      spans: () => store.add(message.spans),
      ready: () => (this.isLoading = false),
      dropped: () => (store.dropped = message.count),
      cleared: () => this.clear(),
      lagging: () => this.reload(),
    };
    if (Object.hasOwn(acts, message.type)) acts[message.type]();
  }

  begin({ limit, dropped }) {
    this.store.limit = limit ?? this.store.limit;
    this.store.dropped = dropped ?? 0;
    this.store.resources.clear();
    this.reload();
  }

  reload() {
    this.isLoading = true;
    this.store.clear();
  }

  clear() {
    this.kept = this.kept.filter(({ type }) => type !== "spans");
    this.waiting = 0;
    this.store.dropped = 0;
    this.store.clear();
  }
}
