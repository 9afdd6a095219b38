// A page with nothing but the live decoder, for tests/live_page/check.mjs.

import { Live } from "../../src/live/client";
import LiveWorker from "../../src/live/worker?worker&inline";

Object.assign(globalThis, { live: new Live(new LiveWorker()) });
