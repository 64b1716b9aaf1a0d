// All of our pages' behaviour. Each page works without it.
import "./requests.js";
import "./toasts.js";
import "./theme.js";
import "./queue.js";
import "./keys.js";
import "./buttons.js";
import "./forms.js";
import "./markdown.js";
import "./drafts.js"; // Before the tags: it fills in what they then draw.
import "./tags.js";
import "./clocks.js";
import "./connection.js";
import "./notifications.js";
import "./sessions.js";
import "./picture.js";
import "./push.js";
import "./focus.js";
