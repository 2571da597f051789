// Speaks to the shop with the WebSocket of java.net.http, and prints what it is sent.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;

class Client implements WebSocket.Listener {
    static final BlockingQueue<String> messages = new LinkedBlockingQueue<>();
    final StringBuilder text = new StringBuilder();

    public static void main(String[] arguments) throws Exception {
        String visit = arguments[0], order = arguments[1], address = arguments[2];
        WebSocket socket = HttpClient.newHttpClient()
            .newWebSocketBuilder()
            .header("traceparent", visit)
            .buildAsync(URI.create("ws://" + address + "/shop"), new Client())
            .join();
        String greeting = messages.take();
        String message = "{\"want\": \"milk\", \"_meta\": {\"traceparent\": \"" + order + "\"}}";
        socket.sendText(message, true).join();
        String answer = messages.take();
        socket.sendClose(WebSocket.NORMAL_CLOSURE, "").join();
        System.out.println("[" + greeting + ", " + answer + "]");
    }

    @Override
    public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean last) {
        text.append(part);
        if (last) {
            messages.add(text.toString());
            text.setLength(0);
        }
        socket.request(1);
        return null;
    }
}
