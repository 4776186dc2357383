// For tests: a TCP relay whose connections can be cut, as a bad link does, and whose ends can be
// far from each other.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace dure::transport {

class Relay {
 public:
  // What arrives goes on `later`, each way.
  explicit Relay(uint16_t target_port, std::chrono::milliseconds later = {})
      : target_port_(target_port), later_(later) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in any = Loopback(0);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&any), sizeof any);
    ::listen(listener_, 16);
    socklen_t size = sizeof any;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&any), &size);
    port_ = ntohs(any.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~Relay() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    CutAll();
    for (std::thread& pump : pumps_) pump.join();
    for (const int socket : sockets_) ::close(socket);
    ::close(listener_);
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Closes this many connections as soon as they are made.
  void RefuseNext(int connections) { refused_ = connections; }
  void CutAll() {
    std::lock_guard lock(mutex_);
    for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  }

 private:
  static sockaddr_in Loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }
  void Accept() {
    while (true) {
      const int near = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (near < 0) return;
      if (refused_ > 0) {
        --refused_;
        ::close(near);
        continue;
      }
      const int far = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in target = Loopback(target_port_);
      ::connect(far, reinterpret_cast<sockaddr*>(&target), sizeof target);
      std::lock_guard lock(mutex_);
      sockets_.insert(sockets_.end(), {near, far});
      pumps_.emplace_back([this, near, far] { Pump(near, far); });
      pumps_.emplace_back([this, near, far] { Pump(far, near); });
    }
  }
  void Pump(int from, int to) const {
    std::array<char, 65536> buffer;
    while (true) {
      const ssize_t got = ::recv(from, buffer.data(), buffer.size(), 0);
      if (got <= 0) break;
      ::poll(nullptr, 0, static_cast<int>(later_.count()));
      for (ssize_t done = 0; done < got;) {
        const ssize_t put =
            ::send(to, buffer.data() + done, static_cast<size_t>(got - done), MSG_NOSIGNAL);
        if (put <= 0) break;
        done += put;
      }
    }
    ::shutdown(to, SHUT_RDWR);
  }

  const uint16_t target_port_;
  const std::chrono::milliseconds later_;
  std::atomic<int> refused_ = 0;
  uint16_t port_ = 0;
  int listener_ = -1;
  std::mutex mutex_;
  std::vector<int> sockets_;  // guarded by mutex_; closed at the end, so that no number is reused
  std::vector<std::thread> pumps_;  // guarded by mutex_
  std::thread acceptor_;
};

}  // namespace dure::transport
