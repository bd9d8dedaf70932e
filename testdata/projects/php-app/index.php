<?php
$file = __DIR__ . "/visits";
file_put_contents($file, "x", FILE_APPEND);
echo "php greets, visits " . (filesize($file) > 0 ? "counted" : "lost");
